import fc from "fast-check";
import { expect, test } from "vitest";
import { blocksPerRow, quantizationBlock, quantize } from "./quantize.ts";
import type { QuantizedBits, QuantizedMatrix } from "./quantize.ts";

const matrices = fc
  .record({ numRows: fc.integer({ min: 1, max: 3 }), numColumns: fc.integer({ min: 1, max: 300 }) })
  .chain(({ numRows, numColumns }) =>
    fc
      .array(fc.integer({ min: -1000, max: 1000 }), {
        minLength: numRows * numColumns,
        maxLength: numRows * numColumns,
      })
      .map((numbers) => ({ matrix: Float32Array.from(numbers, (number) => number / 256), numColumns })),
  );

// The far end of the range costs the largest weight at most one step, all others half a step.
test.each<[QuantizedBits, number]>([
  [8, 1 / 128],
  [4, 4 / 10],
])("at %i bits no weight is off by more than its share of the block's largest", (bits, share) => {
  fc.assert(
    fc.property(matrices, ({ matrix, numColumns }) => {
      const restored = restore(quantize(matrix, numColumns, bits), numColumns, bits);
      for (const [index, weight] of matrix.entries()) {
        const blockStart = index - ((index % numColumns) % quantizationBlock);
        const rowEnd = (Math.floor(index / numColumns) + 1) * numColumns;
        const block = matrix.subarray(blockStart, Math.min(blockStart + quantizationBlock, rowEnd));
        const largest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expect(Math.abs((restored[index] ?? NaN) - weight)).toBeLessThanOrEqual(share * largest * 1.001);
      }
    }),
  );
});

test("the filling of a row's last block stands for zero", () => {
  const { numbers } = quantize(Float32Array.of(1, -2, 3), 3, 8);
  expect([...numbers.subarray(3)]).toEqual(Array.from({ length: 125 }, () => 128));
  const packed = quantize(Float32Array.of(1, -2, 3), 3, 4).numbers;
  expect((packed[1] ?? 0) >> 4).toBe(8);
  expect([...packed.subarray(2)]).toEqual(Array.from({ length: 62 }, () => 0x88));
});

test("a block of zeros has scale zero", () => {
  expect([...quantize(new Float32Array(128), 128, 4).scales]).toEqual([0]);
});

function restore({ numbers, scales }: QuantizedMatrix, numColumns: number, bits: QuantizedBits): Float32Array {
  const rowBlocks = blocksPerRow(numColumns);
  const numRows = scales.length / rowBlocks;
  const blockBytes = (quantizationBlock * bits) / 8;
  return Float32Array.from({ length: numRows * numColumns }, (_, index) => {
    const column = index % numColumns;
    const block = Math.floor(index / numColumns) * rowBlocks + Math.floor(column / quantizationBlock);
    const place = column % quantizationBlock;
    const byte = numbers[block * blockBytes + (bits === 8 ? place : place >> 1)] ?? 0;
    const number = bits === 8 ? byte : place % 2 === 0 ? byte & 0x0f : byte >> 4;
    return (number - 2 ** (bits - 1)) * (scales[block] ?? 0);
  });
}
