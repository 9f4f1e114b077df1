import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { encodeTypedEvent, pingComment } from "@sluice/shared/sse.ts";
import { expect, test } from "vitest";
import { EventLog } from "./event-log.ts";
import { Shelf } from "#edge/storage/shelf.ts";

const event = (sequence_number: number) =>
  encodeTypedEvent({ type: "a", text: "é🚀", sequence_number } as { type: string });
const numEvents = 30;
const stream = Array.from({ length: numEvents }, (_, number) => event(number) + (number % 3 === 0 ? pingComment : ""));

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** In a database of its own. */
async function withLog<Result>(name: string, use: (log: EventLog, again: EventLog) => Result): Promise<Result> {
  return runInDurableObject(env.RESPONSE_STORE.getByName(name), (_, { storage }) => {
    const texts = new Shelf(storage.sql);
    return use(new EventLog(texts), new EventLog(texts));
  });
}

test.each([1, 7, 100, 10_000])(
  "tells every event once, however the stream was cut (%i bytes a piece)",
  async (length) => {
    await withLog(`log of pieces of ${length}`, (log, again) => {
      const bytes = encode(stream.join(""));
      for (let at = 0; at < bytes.length; at += length) log.append(bytes.subarray(at, at + length));
      for (const reader of [log, again]) {
        expect(reader.after(-1).map(({ text }) => text)).toEqual(Array.from({ length: numEvents }, (_, n) => event(n)));
        expect(reader.after(11).map(({ number }) => number)).toEqual(Array.from({ length: 18 }, (_, n) => n + 12));
        expect(reader.after(numEvents - 1)).toEqual([]);
      }
    });
  },
);

test("an event is news only when it is whole, and a comment never is", async () => {
  await withLog("log of news", (log) => {
    const first = event(0);
    expect(log.append(encode(first.slice(0, 20)))).toBe(false);
    expect(log.append(encode(first.slice(20)))).toBe(true);
    expect(log.append(encode(pingComment))).toBe(false);
    expect(log.length).toBe(first.length);
  });
});
