import { expect, test } from "vitest";
import { type Options, parseOptions } from "./options.ts";

function parse(...args: readonly string[]): Options {
  const options = parseOptions(args);
  if (options === "help") throw new Error("help");
  return options;
}

test.each([
  [["--precisions", "8bit,2bit"], '--precisions: "2bit"'],
  [["--threads", "0"], '--threads: "0"'],
  [["--contexts", "128,"], '--contexts: ""'],
  [["--sections", "speed"], '--sections: "speed"'],
])("%j is refused by name", (args, message) => {
  expect(() => parseOptions(args)).toThrow(message);
});

test("cells of too many tokens are left out and counted", () => {
  const { cells, numLeftOut } = parse("--threads", "1", "--precisions", "4bit");
  expect(cells).toContainEqual({ precision: "4bit", numThreads: 1, numSequences: 8, contextTokens: 4096 });
  expect(cells.filter(({ contextTokens }) => contextTokens === 4096)).toHaveLength(2);
  expect(numLeftOut).toBe(1);
});

test("the quick form is short, and what is asked for goes before it", () => {
  expect(parse("--quick").cells).toHaveLength(6);
  expect(parse("--quick", "--contexts", "128,1024").cells).toHaveLength(12);
});
