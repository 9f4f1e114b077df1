import { expect, test } from "vitest";
import { parseConfig } from "#engine/graph/config.ts";
import { scheduled } from "./scheduled.ts";
import { splitBatch } from "./split-batch.ts";

const fields = {
  vocab_size: 100,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};
const plain = parseConfig({ ...fields, model_type: "llama" });
const windowed = parseConfig({ ...fields, model_type: "mistral", sliding_window: 8 });
// Two K/V heads of 16 float16 numbers.
const keyBytes = 64;

test("a step is one run when no layer has a window", () => {
  const batch = [scheduled(1000, 1), scheduled(0, 500)];
  expect(splitBatch(batch, plain, 1)).toEqual([batch]);
});

test("with a window, sequences share a run while its copies, padded to the longest, fit a buffer", () => {
  const batch = [scheduled(9, 1), scheduled(19, 1), scheduled(4, 1), scheduled(29, 1)];
  expect(splitBatch(batch, windowed, 3 * 20 * keyBytes)).toEqual([batch.slice(0, 3), batch.slice(3)]);
  expect(splitBatch(batch, windowed, 4 * 30 * keyBytes)).toEqual([batch]);
});

test("queries are padded as well", () => {
  const batch = [scheduled(20, 1), scheduled(0, 20)];
  // Two sequences of 21 tokens of keys take less than twice 20 tokens of twice as many query heads.
  expect(splitBatch(batch, windowed, 2 * 21 * keyBytes)).toHaveLength(2);
  expect(splitBatch(batch, windowed, 2 * 40 * keyBytes)).toEqual([batch]);
});

test("a sequence that cannot fit goes alone, and nothing is lost or reordered", () => {
  const batch = [scheduled(0, 1), scheduled(500, 1), scheduled(0, 1), scheduled(0, 2)];
  const runs = splitBatch(batch, windowed, 10 * keyBytes);
  expect(runs.flat()).toEqual(batch);
  expect(runs).toContainEqual([batch[1]]);
});
