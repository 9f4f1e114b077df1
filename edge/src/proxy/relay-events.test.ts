import { expect, test } from "vitest";
import { relayEvents } from "./relay-events.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A region's stream, driven by the test. */
function upstream() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  return { readable, writer: writable.getWriter() };
}

test("a stream that ends is relayed byte for byte and ends", async () => {
  const { readable, writer } = upstream();
  const relay = relayEvents(readable);
  const text = new Response(relay.readable).text();
  await writer.write(bytesOf("data: 1\n\n"));
  await writer.write(bytesOf("data: [DONE]\n\n"));
  await writer.close();
  expect(await text).toBe("data: 1\n\ndata: [DONE]\n\n");
  expect(await relay.ending).toBe("complete");
});

test("a stream that breaks ends with an error event of its own, even from the middle of another", async () => {
  const { readable, writer } = upstream();
  const relay = relayEvents(readable);
  const text = new Response(relay.readable).text();
  await writer.write(bytesOf('data: 1\n\ndata: {"cut'));
  await writer.abort(new Error("connection reset"));
  const last = (await text).split("\n\n").at(-2);
  expect(JSON.parse(last?.replace("data: ", "") ?? "")).toMatchObject({ error: { code: "upstream_error" } });
  expect(await relay.ending).toBe("upstream_died");
});

test("a caller who leaves cancels the region's stream", async () => {
  let isCancelled = false;
  const readable = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(bytesOf("data: 1\n\n")),
    cancel: () => {
      isCancelled = true;
    },
  });
  const relay = relayEvents(readable);
  const reader = relay.readable.getReader();
  await reader.read();
  await reader.cancel();
  expect(await relay.ending).toBe("caller_gone");
  expect(isCancelled).toBe(true);
});
