import { expect, test } from "vitest";
import type { BlockId } from "#engine/kv/block-id.ts";
import { checkBatch } from "./check-batch.ts";
import type { ScheduledSequence } from "./executor.ts";

const embedding = { size: 5, pooling: "last" } as const;
const spec = { vocabSize: 100, maxModelLen: 40, blockSize: 8, tileSize: 8, numBlocks: 6, embedding };
const hiddenStates = (length: number, size = 5) => Array.from({ length }, () => new Float32Array(size));
const sound: ScheduledSequence = {
  tokenIds: [0, 99, 5],
  numComputedTokens: 6,
  blockTable: [5, 0] as BlockId[],
  numLogits: 1,
};

test("takes a sound batch", () => {
  expect(() => checkBatch([sound, { ...sound, hiddenStates: hiddenStates(3) }], spec)).not.toThrow();
});

test.each<[string, Partial<ScheduledSequence>]>([
  ["no tokens", { tokenIds: [] }],
  ["token id 100 of 100", { tokenIds: [100] }],
  ["token id -1 of 100", { tokenIds: [-1] }],
  ["token id 1.5 of 100", { tokenIds: [1.5] }],
  ["token id NaN of 100", { tokenIds: [NaN] }],
  ["-1 computed tokens", { numComputedTokens: -1 }],
  ["41 tokens exceed 40", { numComputedTokens: 38, blockTable: [0, 1, 2, 3, 4, 5] as BlockId[] }],
  ["1 blocks for 9 tokens", { blockTable: [1] as BlockId[] }],
  ["4 logits of 3 tokens", { numLogits: 4 }],
  ["4 hidden states of 3 tokens", { hiddenStates: hiddenStates(4) }],
  ["hidden states not of 5 numbers", { hiddenStates: hiddenStates(1, 6) }],
  ["block 6 of 6", { blockTable: [0, 6] as BlockId[] }],
])("refuses %s", (fault, change) => {
  expect(() => checkBatch([sound, { ...sound, ...change }], spec)).toThrow(`sequence 1 of the batch: ${fault}`);
});

test("refuses hidden states of an executor that gives none", () => {
  const batch = [{ ...sound, hiddenStates: hiddenStates(1) }];
  expect(() => checkBatch(batch, { ...spec, embedding: undefined } as never)).toThrow("hidden states");
});

test("refuses an empty batch", () => {
  expect(() => checkBatch([], spec)).toThrow("an empty batch");
});
