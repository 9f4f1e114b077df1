import { expect, test } from "vitest";
import { BoardCopy } from "./board-copy.ts";

/** A copy of a board whose answers the test gives, in any order. */
function copyOf() {
  const time = { nowMs: 1_000 };
  const asked: PromiseWithResolvers<string>[] = [];
  const ask = async () => {
    const answer = Promise.withResolvers<string>();
    asked.push(answer);
    return answer.promise;
  };
  const copy = new BoardCopy({ nothing: "nothing", ask, giveUpMs: 5_000, now: () => time.nowMs });
  return { time, asked, copy };
}

test("a copy is as old as the question that was answered, and before that infinitely old", async () => {
  const { time, asked, copy } = copyOf();
  expect([copy.value, copy.ageMs]).toEqual(["nothing", Infinity]);
  const refreshed = copy.refresh();
  time.nowMs += 200;
  asked[0]?.resolve("first");
  await refreshed;
  expect([copy.value, copy.ageMs]).toEqual(["first", 200]);
});

test("a board that fails leaves what is known to age", async () => {
  const { time, asked, copy } = copyOf();
  const first = copy.refresh();
  asked[0]?.resolve("first");
  await first;
  time.nowMs += 3_000;
  const second = copy.refresh();
  asked[1]?.reject(new Error("down"));
  await expect(second).rejects.toThrow("down");
  expect([copy.value, copy.ageMs, copy.isRefreshing]).toEqual(["first", 3_000, false]);
});

test("an answer that was overtaken by a newer one changes nothing", async () => {
  const { time, asked, copy } = copyOf();
  const slow = copy.refresh();
  time.nowMs += 100;
  const fast = copy.refresh();
  asked[1]?.resolve("newer");
  await fast;
  asked[0]?.resolve("older");
  await slow;
  expect([copy.value, copy.ageMs]).toEqual(["newer", 0]);
});

test("an answer that was under way while the board was changed from here is not fresh", async () => {
  const { asked, copy } = copyOf();
  const under = copy.refresh();
  copy.outdate();
  asked[0]?.resolve("before");
  await under;
  // Better than nothing.
  expect([copy.value, copy.ageMs]).toEqual(["before", Infinity]);
});

test("a refresh that takes too long is given up for lost", () => {
  const { time, copy } = copyOf();
  void copy.refresh();
  expect(copy.isRefreshing).toBe(true);
  time.nowMs += 5_000;
  expect(copy.isRefreshing).toBe(false);
});
