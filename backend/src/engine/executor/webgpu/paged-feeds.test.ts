import { expect, test } from "vitest";
import { makeCandidates } from "#engine/sampling/candidates.ts";
import { layPagedFeeds } from "./paged-feeds.ts";
import { scheduled } from "./scheduled.ts";

const values = (feeds: ReturnType<typeof layPagedFeeds>, name: string) => Array.from(feeds[name]!.data as Int32Array);

test("a prompt and decodes lie one after another, each with its past, its positions and its blocks", () => {
  const batch = [
    scheduled(0, 3, { blocks: [7, 9], numLogits: 2 }),
    scheduled(64, 1, { blocks: [4, 2, 5, 8] }),
    scheduled(5, 2, { blocks: [1], numLogits: 0 }),
  ];
  const feeds = layPagedFeeds(batch, 32);
  expect(values(feeds, "tokenIds")).toEqual([100, 101, 102, 100, 100, 101]);
  expect(values(feeds, "positions").map(Number)).toEqual([0, 1, 2, 64, 5, 6]);
  expect(values(feeds, "logitRows")).toEqual([1, 2, 3]);
  expect(values(feeds, "cumulativeLengths")).toEqual([0, 3, 4, 6]);
  expect(values(feeds, "pastLengths")).toEqual([0, 64, 5]);
  // Of 65 tokens in blocks of 32; what a table holds beyond is left out, what it lacks is block 0.
  expect(feeds["blockTable"]?.dims).toEqual([3, 3]);
  expect(values(feeds, "blockTable")).toEqual([7, 9, 0, 4, 2, 5, 1, 0, 0]);
});

test("the bounds that the kernel trusts are the most new tokens, and the most tokens, of any sequence", () => {
  expect(values(layPagedFeeds([scheduled(90, 1), scheduled(10, 40), scheduled(0, 50)], 32), "bounds")).toEqual([
    50, 91,
  ]);
});

test("the row behind candidates follows the logits that the sequence wants, with the inverse of its temperature", () => {
  const hot = makeCandidates(4, 2);
  const greedy = makeCandidates(4, 0);
  const batch = [scheduled(0, 2), { ...scheduled(3, 1, { numLogits: 0 }), candidates: hot }, scheduled(8, 1)];
  const feeds = layPagedFeeds([...batch, { ...scheduled(9, 3, { numLogits: 0 }), candidates: greedy }], 32);
  expect(values(feeds, "logitRows")).toEqual([1, 2, 3, 6]);
  expect(Array.from(feeds["inverseTemperatures"]!.data as Float32Array)).toEqual([1, 0.5, 1, 1]);
});

test("rows of hidden states are those of each sequence's last tokens", () => {
  const target = new Float32Array(8);
  const batch = [
    { ...scheduled(0, 3), hiddenStates: [target, target] },
    scheduled(64, 1),
    { ...scheduled(5, 2), hiddenStates: [target] },
    { ...scheduled(7, 2), hiddenStates: [] },
  ];
  expect(values(layPagedFeeds(batch, 32), "hiddenRows")).toEqual([1, 2, 5]);
});

test("a run whose logits and hidden states nobody wants still has one row of each", () => {
  const feeds = layPagedFeeds([scheduled(0, 4, { numLogits: 0 })], 32);
  expect(values(feeds, "logitRows")).toEqual([0]);
  expect(values(feeds, "hiddenRows")).toEqual([0]);
});
