import { expect, test } from "vitest";
import { RowQuantizer } from "./quantize-rows.ts";

const numRows = 130;
const numColumns = 70;
const weightAt = (row: number, column: number): number => Math.sin(row * numColumns + column) * (1 + row);
const matrix = Float32Array.from({ length: numRows * numColumns }, (_, index) =>
  weightAt(Math.floor(index / numColumns), index % numColumns),
);

test("no weight is off by more than half a step of its row's scale", () => {
  const { numbers, scales } = quantizeIn([numRows]);
  for (const [index, weight] of matrix.entries()) {
    const row = Math.floor(index / numColumns);
    const restored = (numbers[(index % numColumns) * numRows + row] ?? NaN) * (scales[row] ?? NaN);
    expect(Math.abs(restored - weight)).toBeLessThanOrEqual(0.501 * (scales[row] ?? 0));
  }
});

test("the numbers do not depend on how many rows come at a time", () => {
  expect(quantizeIn([1, 64, 65])).toEqual(quantizeIn([numRows]));
});

test("a row of zeros has scale zero and numbers of zero", () => {
  const quantizer = new RowQuantizer(1, 3);
  quantizer.add(0, new Float32Array(3));
  expect([...quantizer.scales, ...quantizer.numbers]).toEqual([0, 0, 0, 0]);
});

function quantizeIn(portions: readonly number[]): { readonly numbers: Int8Array; readonly scales: Float32Array } {
  const quantizer = new RowQuantizer(numRows, numColumns);
  let firstRow = 0;
  for (const portion of portions) {
    quantizer.add(firstRow, matrix.subarray(firstRow * numColumns, (firstRow + portion) * numColumns));
    firstRow += portion;
  }
  return { numbers: quantizer.numbers, scales: quantizer.scales };
}
