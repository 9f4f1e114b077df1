import { expect, test } from "vitest";
import { GrammarCache } from "./grammar-cache.ts";

test("the least recently used goes first, and is given up once", () => {
  const gone: number[] = [];
  const cache = new GrammarCache<number>({ maxEntries: 2, maxBytes: 100 }, (value) => gone.push(value));
  cache.set("a", 1);
  cache.set("b", 2);
  expect(cache.get("a")).toBe(1);
  cache.set("c", 3);
  expect(cache.get("b")).toBeUndefined();
  cache.clear();
  expect(gone.toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
});

test("texts take no more bytes than they may, unless there is only one", () => {
  const cache = new GrammarCache<number>({ maxEntries: 10, maxBytes: 5 });
  cache.set("aaa", 1);
  cache.set("bb", 2);
  expect(cache.size).toBe(2);
  cache.set("cccccccc", 3);
  expect(cache.size).toBe(1);
  expect(cache.get("cccccccc")).toBe(3);
});
