import { encodeTypedEvent, pingComment } from "@sluice/shared/sse.ts";
import { expect, test } from "vitest";
import { EventTail } from "./event-tail.ts";

const response = { id: "resp_1", status: "completed", output: [], text: "é🚀\n\n" };
const delta = (sequence_number: number) => encodeTypedEvent({ type: "delta", sequence_number } as { type: string });
const last = (type: string) => encodeTypedEvent({ type, response, sequence_number: 9 } as { type: string });
const stream = (type: string) => delta(0) + pingComment + delta(1) + last(type);

function feed(tail: EventTail, text: string, pieceLength: number): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += pieceLength) {
    expect(tail.final).toBeUndefined();
    tail.push(bytes.subarray(at, at + pieceLength));
  }
}

test.each([1, 2, 3, 7, 50, 10_000])("finds the last event, however the stream is cut (%i bytes a piece)", (length) => {
  for (const type of ["response.completed", "response.incomplete", "response.failed"]) {
    const tail = new EventTail(10_000);
    feed(tail, stream(type), length);
    expect(tail.final).toEqual(response);
  }
});

test.each([1, 3, 10_000])("knows the next event's number, also in the middle of one (%i bytes a piece)", (length) => {
  const tail = new EventTail(10_000);
  expect(tail.nextNumber).toBe(0);
  feed(tail, delta(0) + delta(41), length);
  expect(tail.nextNumber).toBe(42);
  feed(tail, pingComment + last("response.completed").slice(0, -5), length);
  expect(tail.nextNumber).toBe(42);
});

test("an event of another kind, or longer than it may be, is none", () => {
  const other = new EventTail(10_000);
  feed(other, last("response.in_progress"), 10);
  expect(other.final).toBeUndefined();
  const short = new EventTail(50);
  feed(short, last("response.completed"), 10);
  expect(short.final).toBeUndefined();
});
