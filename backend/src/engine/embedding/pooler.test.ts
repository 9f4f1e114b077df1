import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Pooler } from "./pooler.ts";

const size = 3;

/** Any hidden state, but always the same one at a position. */
const stateAt = (position: number): Float32Array =>
  Float32Array.from({ length: size }, (_, index) => Math.fround(Math.sin(7 * position + index) + 0.1));

/** Feeds chunks of a sequence as an executor fills them. */
function feed(pooler: Pooler, start: number, numTokens: number): number {
  const rows = pooler.rowsFor({ start, numTokens });
  const first = start + numTokens - rows.length;
  for (const [index, row] of rows.entries()) row.set(stateAt(first + index));
  pooler.take({ start, numTokens }, rows);
  return rows.length;
}

const unit = (vector: readonly number[]): number[] => {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
};

function expectClose(found: Float32Array, expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [index, value] of expected.entries()) expect(found[index]).toBeCloseTo(value, 6);
}

describe("the last token's hidden state", () => {
  test("is asked for where the sequence ends, and nowhere else", () => {
    const pooler = new Pooler({ size, pooling: "last" }, 5);
    expect([feed(pooler, 0, 2), feed(pooler, 2, 2), feed(pooler, 4, 1)]).toEqual([0, 0, 1]);
    expectClose(pooler.finish(), unit([...stateAt(4)]));
  });

  test("needs nothing before what a prefix cache had", () => {
    const pooler = new Pooler({ size, pooling: "last" }, 5);
    expect(feed(pooler, 4, 1)).toBe(1);
    expect(pooler.finish()).toHaveLength(size);
  });
});

describe("the mean of all", () => {
  const numTokens = 40;

  test("has the same bits however the sequence is cut, and preempted", () => {
    const whole = new Pooler({ size, pooling: "mean" }, numTokens);
    feed(whole, 0, numTokens);
    const expected = whole.finish();
    const sums = Array.from({ length: size }, (_, index) =>
      Array.from({ length: numTokens }, (__, position) => stateAt(position)[index]!).reduce((sum, x) => sum + x),
    );
    expectClose(expected, unit(sums));
    const cuts = fc.array(fc.record({ numTokens: fc.integer({ min: 1, max: 9 }), preempted: fc.boolean() }));
    fc.assert(
      fc.property(cuts, (pieces) => {
        const pooler = new Pooler({ size, pooling: "mean" }, numTokens);
        let start = 0;
        for (const piece of pieces) {
          const length = Math.min(piece.numTokens, numTokens - start);
          if (length > 0) feed(pooler, start, length);
          start = piece.preempted ? 0 : start + length;
        }
        feed(pooler, start, numTokens - start);
        expect(pooler.finish()).toEqual(expected);
      }),
    );
  });

  test("a gap is an error, never another mean", () => {
    const pooler = new Pooler({ size, pooling: "mean" }, 8);
    expect(() => feed(pooler, 4, 4)).toThrow("skipped");
    expect(() => pooler.finish()).toThrow("not computed to its end");
  });
});

test("fewer dimensions are the first ones, of length 1 again", () => {
  const pooler = new Pooler({ size, pooling: "last" }, 1);
  expect(feed(pooler, 0, 1)).toBe(1);
  expectClose(pooler.finish(2), unit([...stateAt(0).subarray(0, 2)]));
  expectClose(pooler.finish(1), [Math.sign(stateAt(0)[0]!)]);
});

test("a vector of zeros stays one", () => {
  const pooler = new Pooler({ size, pooling: "last" }, 1);
  pooler.take({ start: 0, numTokens: 1 }, [new Float32Array(size)]);
  expect([...pooler.finish()]).toEqual([0, 0, 0]);
});
