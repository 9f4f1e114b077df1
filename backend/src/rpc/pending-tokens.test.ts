import { expect, test } from "vitest";
import { PendingTokens } from "./pending-tokens.ts";

const logprobOf = (index: number) => ({ logprob: -index, topTokenIds: [index], topLogprobs: [-index] });
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

test("what waits goes out in bounded messages, in order: the prompt's logprobs first, each token with its own", () => {
  const pending = new PendingTokens();
  pending.push({ tokenIds: [], logprobs: { tokens: [], prompt: upTo(6000).map(logprobOf) } });
  pending.push({ tokenIds: upTo(5000), logprobs: { tokens: upTo(5000).map(logprobOf), prompt: [] } });
  const messages = [];
  while (!pending.isEmpty) messages.push(pending.take());
  expect(messages.flatMap(({ tokenIds }) => tokenIds)).toEqual(upTo(5000));
  expect(messages.flatMap(({ logprobs }) => logprobs!.tokens)).toEqual(upTo(5000).map(logprobOf));
  expect(messages.flatMap(({ logprobs }) => logprobs!.prompt)).toEqual(upTo(6000).map(logprobOf));
  const firstWithTokens = messages.findIndex(({ tokenIds }) => tokenIds.length > 0);
  expect(messages.slice(firstWithTokens + 1).every(({ logprobs }) => logprobs!.prompt.length === 0)).toBe(true);
  for (const { tokenIds, logprobs } of messages) {
    expect(logprobs!.tokens).toHaveLength(tokenIds.length);
    expect(Math.max(tokenIds.length, logprobs!.prompt.length)).toBeLessThanOrEqual(4096);
  }
});

test("how much was cached goes out once, with the first token", () => {
  const pending = new PendingTokens();
  pending.push({ tokenIds: [], logprobs: { tokens: [], prompt: upTo(6000).map(logprobOf) } });
  pending.push({ tokenIds: [1], logprobs: { tokens: [logprobOf(1)], prompt: [] }, numCachedTokens: 0 });
  pending.push({ tokenIds: [2], logprobs: { tokens: [logprobOf(2)], prompt: [] } });
  expect(pending.take()).toMatchObject({ tokenIds: [], cachedTokens: undefined });
  expect(pending.take()).toMatchObject({ tokenIds: [1, 2], cachedTokens: 0 });
  pending.push({ tokenIds: [3] });
  expect(pending.take()).toMatchObject({ tokenIds: [3], cachedTokens: undefined });
});

test("tokens without logprobs go out without", () => {
  const pending = new PendingTokens();
  pending.push({ tokenIds: [1, 2] });
  expect(pending.fitsOneMessage).toBe(true);
  expect(pending.take()).toEqual({ tokenIds: [1, 2] });
  expect(pending.isEmpty).toBe(true);
});
