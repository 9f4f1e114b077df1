import { expect, test } from "vitest";
import { decideStop } from "./decide-stop.ts";

const state = { sampledTokenId: 5, numOutputTokens: 3, numTokens: 20, maxModelLen: 100 };

test.each([
  ["goes on below every limit", { maxTokens: 4, stopTokenIds: [6] }, state, { kind: "continue" }],
  ["stops on any of the stop tokens", { maxTokens: 4, stopTokenIds: [6, 5] }, state, { kind: "stop", stopTokenId: 5 }],
  ["gives exactly maxTokens", { maxTokens: 3, stopTokenIds: [] }, state, { kind: "length" }],
  ["ends at the model's length", { maxTokens: 9, stopTokenIds: [] }, { ...state, maxModelLen: 20 }, { kind: "length" }],
  [
    "prefers stop when the last allowed token is a stop token",
    { maxTokens: 3, stopTokenIds: [5] },
    state,
    { kind: "stop", stopTokenId: 5 },
  ],
] as const)("%s", (_, params, at, decision) => {
  expect(decideStop(params, at)).toEqual(decision);
});
