// As many callers as a case asks for, for as long as it lasts; then those answers that are under way may end.
import { setTimeout as sleep } from "node:timers/promises";
import type { LoadCase } from "../scenario.ts";
import { type Answer, Caller } from "./caller.ts";

export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Load {
  readonly answers: readonly Answer[];
  readonly errors: readonly string[];
  readonly durationMs: number;
}

export async function runLoad(
  target: Target,
  loadCase: LoadCase,
  durationMs: number,
  leaveAfterChunks?: number,
): Promise<Load> {
  const url = new URL(target.url);
  const answers: Answer[] = [];
  const errors: string[] = [];
  const startedAtMs = performance.now();
  const callers = Array.from({ length: loadCase.concurrency }, () => {
    return new Caller({
      host: url.hostname,
      port: Number(url.port),
      request: requestOf(url, target.headers, loadCase),
      leaveAfterChunks,
      onAnswer: (answer) => answers.push(answer),
      onError: (what) => errors.push(what),
    });
  });
  await sleep(durationMs);
  await Promise.all(callers.map(async (caller) => caller.stop()));
  return { answers, errors, durationMs: performance.now() - startedAtMs };
}

function requestOf(url: URL, headers: Target["headers"], { model, isStreamed }: LoadCase): string {
  const body = JSON.stringify({
    model,
    messages: [{ role: "user", content: "x".repeat(200) }],
    max_tokens: 64,
    ...(isStreamed && { stream: true, stream_options: { include_usage: true } }),
  });
  const lines = [
    `POST ${url.pathname} HTTP/1.1`,
    `host: ${url.host}`,
    "content-type: application/json",
    "accept: */*",
    "user-agent: bench",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
