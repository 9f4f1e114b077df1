import { expect, test } from "vitest";
import { readBytes } from "./read-bytes.ts";

const bounds = { maxBodyBytes: 100, bodyTimeoutMs: 50 };

function post(
  body: ReadableStream<Uint8Array> | Uint8Array | undefined,
  headers: Record<string, string> = {},
): Request {
  return new Request("http://edge.test", { method: "POST", body: body ?? null, headers });
}

/** Chunks of the given sizes; then the end, or silence. */
function chunks(sizesBytes: readonly number[], thenEnd = true): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const sizeBytes of sizesBytes) controller.enqueue(new Uint8Array(sizeBytes).fill(sizeBytes));
      if (thenEnd) controller.close();
    },
  });
}

test("chunks are joined in order", async () => {
  const bytes = await readBytes(post(chunks([1, 2, 97])), bounds);
  expect(bytes).toEqual(new Uint8Array([1, 2, 2, ...new Uint8Array(97).fill(97)]));
});

test("no body is an empty one", async () => {
  expect(await readBytes(post(undefined), bounds)).toHaveLength(0);
});

test("a body of exactly the limit is read, one byte more is refused", async () => {
  expect(await readBytes(post(chunks([50, 50])), bounds)).toHaveLength(100);
  await expect(readBytes(post(chunks([50, 51])), bounds)).rejects.toMatchObject({ code: "request_too_large" });
});

test("a declared size over the limit is refused before anything is read", async () => {
  const request = post(chunks([], false), { "content-length": "101" });
  await expect(readBytes(request, { ...bounds, bodyTimeoutMs: 60_000 })).rejects.toMatchObject({
    code: "request_too_large",
  });
});

test("a body that stalls is given up", async () => {
  await expect(readBytes(post(chunks([10], false)), bounds)).rejects.toMatchObject({ code: "request_timeout" });
});
