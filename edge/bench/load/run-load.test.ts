import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { leavingCase, loadCases } from "../scenario.ts";
import { type Load, runLoad } from "./run-load.ts";

let stopServer: (() => void) | undefined;
afterEach(() => stopServer?.());

async function loadOn(listener: RequestListener, name: "unary c1" | "stream c1", leaveAfter?: number): Promise<Load> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  stopServer = () => {
    server.closeAllConnections();
    server.close();
  };
  const { port } = server.address() as AddressInfo;
  const loadCase = leaveAfter === undefined ? loadCases.find((one) => one.name === name)! : leavingCase;
  return runLoad({ url: `http://127.0.0.1:${port}/`, headers: {} }, loadCase, 50, leaveAfter);
}

function stamp(): string {
  return `data: {"content":"@${process.hrtime.bigint()}@"}\n\n`;
}

test("an answer counts until its last byte, again and again on one connection", async () => {
  const { answers, errors } = await loadOn((_, response) => response.end("{}"), "unary c1");
  expect(errors).toEqual([]);
  expect(answers.length).toBeGreaterThan(1);
  expect(answers[0]).toMatchObject({ firstChunkMs: undefined, chunkMs: [] });
});

test("each chunk of a stream is timed from when it was sent, wherever the wire cuts it", async () => {
  const { answers } = await loadOn((_, response) => {
    const text = stamp() + stamp();
    response.write(text.slice(0, 25));
    response.end(text.slice(25));
  }, "stream c1");
  expect(answers[0]?.chunkMs).toHaveLength(2);
  expect(answers[0]?.firstChunkMs).toBeGreaterThan(0);
});

test("a refusal is an error and no answer", async () => {
  const { answers, errors } = await loadOn((_, response) => response.writeHead(429).end("{}"), "unary c1");
  expect(answers).toEqual([]);
  expect(errors[0]).toBe("status 429");
});

test("a caller that leaves closes its connection", async () => {
  let numClosed = 0;
  const listener: RequestListener = (_, response) => {
    response.on("close", () => (numClosed += 1));
    response.write(stamp());
  };
  const { answers } = await loadOn(listener, "stream c1", 1);
  expect(answers.length).toBeGreaterThan(1);
  await expect.poll(() => numClosed, { timeout: 10_000 }).toBe(answers.length);
});
