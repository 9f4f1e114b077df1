import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseInPlaceRange } from "./in-place-range.ts";

const owners = (needed: readonly boolean[]) => Int32Array.from(needed, (isNeeded) => (isNeeded ? 0 : -1));

test.each([
  { needed: "....", first: 0, count: 1 },
  { needed: "..##", first: 2, count: 2 },
  { needed: "##.##", first: 0, count: 5 },
  { needed: "#......##", first: 7, count: 2 },
])("of $needed works on $count tiles from $first on", ({ needed, first, count }) => {
  expect(chooseInPlaceRange(owners(Array.from(needed).map((mark) => mark === "#")), needed.length)).toEqual({
    first,
    count,
  });
});

test("no other stretch is worth more", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), (needed) => {
      const worth = (first: number, count: number) =>
        needed.slice(first, first + count).reduce((sum, isNeeded) => sum + (isNeeded ? 1.5 : -1), 0);
      const { first, count } = chooseInPlaceRange(owners(needed), needed.length);
      expect(count).toBeGreaterThanOrEqual(1);
      for (let start = 0; start < needed.length; start++) {
        for (let length = 1; start + length <= needed.length; length++) {
          expect(worth(start, length)).toBeLessThanOrEqual(Math.max(0, worth(first, count)));
        }
      }
    }),
  );
});
