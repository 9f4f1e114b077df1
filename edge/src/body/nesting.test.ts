import { expect, test } from "vitest";
import { nestsDeeperThan } from "./nesting.ts";

test.each([
  { text: "{}", depth: 1 },
  { text: '{"a":[1,{"b":"[[[[["}]}', depth: 3 },
  { text: "[[],[[]],[]]", depth: 3 },
])("$text nests $depth deep", ({ text, depth }) => {
  const value: unknown = JSON.parse(text);
  expect(nestsDeeperThan(depth, value)).toBe(false);
  expect(nestsDeeperThan(depth - 1, value)).toBe(true);
});

test.each([1, null, "[[[["])("%j does not nest", (value) => {
  expect(nestsDeeperThan(0, value)).toBe(false);
});

test("a nesting that would overflow a recursive check is only deep", () => {
  expect(nestsDeeperThan(64, JSON.parse("[".repeat(100_000) + "]".repeat(100_000)))).toBe(true);
});
