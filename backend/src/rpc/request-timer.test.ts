import { beforeEach, expect, test } from "vitest";
import type { Finish, SequenceEvent } from "#engine/generation.ts";
import type { SequenceId } from "#engine/scheduler/sequence-id.ts";
import { type FinishedRequest, RequestTimer } from "./request-timer.ts";

let nowMs: number;
let told: unknown[];
let finished: FinishedRequest[];
let longest: number[];
let timer: RequestTimer;

beforeEach(() => {
  nowMs = 1_000;
  told = [];
  finished = [];
  longest = [];
  timer = new RequestTimer(
    { nowMs: () => 0, monotonicMs: () => nowMs },
    {
      noteFirstToken: (afterMs) => told.push(["first", afterMs]),
      noteNextToken: (afterMs) => told.push(["next", afterMs]),
      noteAdmitted: () => {},
      noteFinished: (request) => finished.push(request),
      noteLongest: (numTokens) => longest.push(numTokens),
    },
    2,
  );
});

const sequenceId = 1 as SequenceId;
const finishOf = (reason: Finish["reason"], numCompletionTokens = 3): Finish => ({
  reason,
  numPromptTokens: 3,
  numCachedTokens: 0,
  numCompletionTokens,
});

function tokens(atMs: number, tokenIds: readonly number[] = [7], index = 0): void {
  nowMs = atMs;
  timer.note({ kind: "tokens", sequenceId, tokenIds }, index);
}

function finish(atMs: number, reason: Finish["reason"], tokenIds: readonly number[] = [], index = 0): void {
  nowMs = atMs;
  timer.note({ kind: "finished", sequenceId, tokenIds, finish: finishOf(reason) }, index);
}

function start(atMs: number, agoMs: number): void {
  nowMs = atMs;
  timer.noteStart(agoMs);
}

test("a request's time is its queue, its prefill and its decode", () => {
  start(1_130, 30);
  // The prompt's logprobs are no token.
  tokens(1_130, []);
  tokens(1_150);
  tokens(1_160);
  finish(1_180, "length", [9]);
  expect(told).toEqual([
    ["first", 150],
    ["next", 10],
    ["next", 20],
  ]);
  expect(finished).toEqual([{ finish: finishOf("length"), queueMs: 100, prefillMs: 50, decodeMs: 30, e2eMs: 180 }]);
});

test("a stop token is a token", () => {
  start(1_010, 10);
  tokens(1_010);
  finish(1_030, "stop");
  expect(told).toEqual([
    ["first", 10],
    ["next", 20],
  ]);
});

test("of a prompt that is only computed there is no first token, and no decode", () => {
  start(1_100, 40);
  finish(1_100, "length");
  expect(told).toEqual([]);
  expect(finished).toMatchObject([{ queueMs: 60, prefillMs: 40, decodeMs: 0, e2eMs: 100 }]);
});

test("each choice has its own tokens, and all started together", () => {
  start(1_010, 10);
  tokens(1_010, [7], 0);
  tokens(1_010, [7], 1);
  tokens(1_020, [7], 1);
  finish(1_030, "length", [7], 0);
  finish(1_050, "length", [7], 1);
  expect(told).toEqual([
    ["first", 10],
    ["first", 10],
    ["next", 10],
    ["next", 20],
    ["next", 30],
  ]);
  expect(finished.map(({ decodeMs }) => decodeMs)).toEqual([20, 40]);
});

test("the longest choice is told once all have ended, left ones too", () => {
  for (const [index, numTokens] of [4, 2].entries()) {
    expect(longest).toEqual([]);
    timer.note({ kind: "finished", sequenceId, tokenIds: [], finish: finishOf("length", numTokens) }, index);
  }
  expect(longest).toEqual([4]);
});

test("choices that their caller left do not keep the longest from being told", () => {
  finish(1_010, "length");
  timer.noteDropped(1);
  expect(longest).toEqual([3]);
});

test("when all choices were left there is no longest", () => {
  timer.noteDropped(2);
  expect(longest).toEqual([]);
});

test("one that failed, or was left, has no end to tell of", () => {
  start(1_010, 10);
  tokens(1_010);
  finish(1_020, "abort");
  const failure: SequenceEvent = { kind: "failed", sequenceId, code: "internal_error", detail: "" };
  timer.note(failure, 0);
  expect(finished).toEqual([]);
});
