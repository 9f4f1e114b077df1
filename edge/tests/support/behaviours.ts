import { doneEvent, encodeEvent, pingComment } from "@sluice/shared/sse.ts";
import type { Behaviour } from "./mock-region.ts";

const eventStream = { "content-type": "text/event-stream", "cache-control": "no-cache" };

/** What `streamTokens(numTokens)` puts on the wire. */
export function tokenStream(numTokens: number): string {
  return Array.from({ length: numTokens }, (_, index) => encodeEvent({ index })).join("") + doneEvent;
}

export function streamTokens(numTokens: number): Behaviour {
  return (response) => void response.writeHead(200, eventStream).end(tokenStream(numTokens));
}

/** Streams until the connection closes. */
export const streamForever: Behaviour = (response) => {
  response.writeHead(200, eventStream);
  const timer = setInterval(() => response.write(encodeEvent({ more: true })), 10);
  response.on("close", () => clearInterval(timer));
};

/** A long prefill: the headers, then nothing but heartbeats. */
export const ping: Behaviour = (response) => {
  response.writeHead(200, eventStream).write(pingComment);
  const timer = setInterval(() => response.write(pingComment), 200);
  response.on("close", () => clearInterval(timer));
};

/** Two tokens, then the process is gone. */
export const dieMidStream: Behaviour = (response) => {
  response.writeHead(200, eventStream);
  response.write(encodeEvent({ index: 0 }) + encodeEvent({ index: 1 }), () => setTimeout(() => response.destroy(), 20));
};

/** Takes the request and says nothing. */
export const hang: Behaviour = () => undefined;

export const resetConnection: Behaviour = (response) => void response.socket?.resetAndDestroy();

export function refuseWith(status: number, headers: Record<string, string> = {}): Behaviour {
  const body = JSON.stringify({ error: { message: "said the region", type: "server_error", param: null, code: "x" } });
  return (response) => void response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
}
