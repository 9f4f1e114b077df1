import { expect, test } from "vitest";
import { splitLines } from "./split-lines.ts";

function streamOf(text: string, chunkLength: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.byteLength; at += chunkLength) controller.enqueue(bytes.slice(at, at + chunkLength));
      controller.close();
    },
  });
}

async function linesIn(text: string, chunkLength: number, maxLineBytes = 100) {
  const lines: [offset: number, text: string | undefined][] = [];
  for await (const { offset, bytes } of splitLines(streamOf(text, chunkLength), maxLineBytes)) {
    lines.push([offset, bytes && new TextDecoder().decode(bytes)]);
  }
  return lines;
}

test.each([1, 2, 3, 7, 100])("lines are the same however they come: %i bytes at once", async (chunkLength) => {
  expect(await linesIn("one\n\nzwölf\r\nlast", chunkLength)).toEqual([
    [0, "one"],
    [4, ""],
    [5, "zwölf\r"],
    [13, "last"],
  ]);
  expect(await linesIn("one\n", chunkLength)).toEqual([[0, "one"]]);
  expect(await linesIn("", chunkLength)).toEqual([]);
});

test.each([1, 4, 100])("a line that is too long ends the reading, %i bytes at once", async (chunkLength) => {
  const lines = await linesIn(`ok\n${"x".repeat(11)}\nnever`, chunkLength, 10);
  expect(lines).toEqual([
    [0, "ok"],
    [3, undefined],
  ]);
  expect(await linesIn(`${"x".repeat(10)}\nok`, chunkLength, 10)).toHaveLength(2);
});

test("a stream that is left is cancelled", async () => {
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("line\n")),
    cancel: () => {
      isCancelled = true;
    },
  });
  for await (const { offset } of splitLines(endless, 10)) if (offset > 20) break;
  expect(isCancelled).toBe(true);
});
