import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SseStream } from "./sse-stream.ts";

const never = new AbortController().signal;
let server: Server;
let write: (response: ServerResponse) => Promise<void>;

beforeEach(async () => {
  server = createServer((_, response) => void write(response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

async function read(): Promise<{ headers: Headers; text: string }> {
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return { headers: response.headers, text: await response.text() };
}

test("pings while silent: often before the first event, seldom after it, never inside one", async () => {
  write = async (response) => {
    const stream = new SseStream(response, { firstMs: 20, laterMs: 10_000 });
    await sleep(70);
    await stream.send(["first"], never);
    await sleep(70);
    await stream.send(["second"], never);
    stream.done();
  };
  const { text } = await read();
  expect(text).toMatch(/^(: ping\n\n)+data: "first"\n\ndata: "second"\n\ndata: \[DONE\]\n\n$/);
});

test("pings go on between events that are far apart", async () => {
  write = async (response) => {
    const stream = new SseStream(response, { firstMs: 10_000, laterMs: 20 });
    await stream.send(["first"], never);
    await sleep(70);
    stream.done();
  };
  expect((await read()).text).toMatch(/^data: "first"\n\n(: ping\n\n)+data: \[DONE\]\n\n$/);
});

test("headers wait for the first byte, so that until then another answer is possible", async () => {
  write = async (response) => {
    const stream = new SseStream(response, { firstMs: 10_000, laterMs: 10_000 }, () => ({ "x-asked": "once" }));
    expect(response.headersSent).toBe(false);
    await stream.send([1, 2], never);
    expect(response.headersSent).toBe(true);
    stream.done();
  };
  const { headers, text } = await read();
  expect([headers.get("x-asked"), headers.get("cache-control")]).toEqual(["once", "no-cache"]);
  expect(text).toBe("data: 1\n\ndata: 2\n\ndata: [DONE]\n\n");
});

test("a stopped stream pings no more", async () => {
  write = async (response) => {
    const stream = new SseStream(response, { firstMs: 10, laterMs: 10 });
    stream.stop();
    await sleep(50);
    expect(response.headersSent).toBe(false);
    response.end("other");
  };
  expect((await read()).text).toBe("other");
});

test("waiting for a client that does not read ends with the signal's reason", async () => {
  const outcome = Promise.withResolvers<unknown>();
  write = async (response) => {
    const stream = new SseStream(response, { firstMs: 10_000, laterMs: 10_000 });
    const controller = new AbortController();
    setTimeout(() => controller.abort("reason"), 50);
    await stream.send(["x".repeat(32 * 1024 * 1024)], controller.signal).catch(outcome.resolve);
    stream.stop();
    response.destroy();
  };
  const request = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect(await outcome.promise).toBe("reason");
  await request.body?.cancel().catch(() => undefined);
});
