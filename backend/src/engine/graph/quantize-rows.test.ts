import { expect, test } from "vitest";
import { type RowNumbers, RowQuantizer } from "./quantize-rows.ts";

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

test("numbers without a sign are the same ones with 128 added", () => {
  const signed = quantizeIn([numRows]);
  const unsigned = quantizeIn([numRows], "uint8");
  expect(unsigned.scales).toEqual(signed.scales);
  expect([...unsigned.numbers]).toEqual(Array.from(signed.numbers, (number) => number + 128));
});

test("a row of zeros has scale zero and numbers of zero", () => {
  const quantizer = new RowQuantizer({ numRows: 1, numColumns: 3 }, "int8");
  quantizer.add(0, new Float32Array(3));
  expect([...quantizer.scales, ...quantizer.numbers]).toEqual([0, 0, 0, 0]);
});

function quantizeIn(
  portions: readonly number[],
  stored: RowNumbers = "int8",
): Pick<RowQuantizer, "numbers" | "scales"> {
  const quantizer = new RowQuantizer({ numRows, numColumns }, stored);
  let firstRow = 0;
  for (const portion of portions) {
    quantizer.add(firstRow, matrix.subarray(firstRow * numColumns, (firstRow + portion) * numColumns));
    firstRow += portion;
  }
  return { numbers: quantizer.numbers, scales: quantizer.scales };
}
