import { expect, test } from "vitest";
import type { SequenceEvent } from "./generation.ts";
import { joinEvents } from "./join-events.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";

const sequenceId = 1 as SequenceId;
const logprobs = (...own: number[]) => ({
  tokens: own.map((logprob) => ({ logprob, topTokenIds: [], topLogprobs: [] })),
  prompt: [],
});
const tokens = (...tokenIds: number[]): SequenceEvent => ({ kind: "tokens", sequenceId, tokenIds });
const finish = {
  reason: "stop",
  stopTokenId: 5,
  numPromptTokens: 1,
  numCachedTokens: 0,
  numCompletionTokens: 3,
} as const;
const finished: SequenceEvent = { kind: "finished", sequenceId, tokenIds: [], finish };
const failed: SequenceEvent = { kind: "failed", sequenceId, code: "internal_error", detail: "" };

test("tokens of one step are told at once, with their logprobs and the end", () => {
  expect(joinEvents([tokens(1)])).toEqual([tokens(1)]);
  expect(joinEvents([tokens(1), tokens(2), tokens(3)])).toEqual([tokens(1, 2, 3)]);
  const told = [
    { ...tokens(1), logprobs: logprobs(-1) },
    { ...tokens(2), logprobs: logprobs(-2) },
  ];
  expect(joinEvents(told)).toEqual([{ ...tokens(1, 2), logprobs: logprobs(-1, -2) }]);
  expect(joinEvents([tokens(1), tokens(2), finished])).toEqual([{ ...finished, tokenIds: [1, 2] }]);
});

test("what was sampled before a failure is told before it", () => {
  expect(joinEvents([tokens(1), tokens(2), failed])).toEqual([tokens(1, 2), failed]);
});
