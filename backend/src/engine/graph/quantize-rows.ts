// Quantization for whole products in 8 bits: one scale for each row of a matrix, that is, for each output, so that sums can
// be taken in whole numbers along all inputs and scaled once at the end. row-products.ts multiplies with it.

export const rowNumbersName = (tensorName: string): string => `${tensorName}.rowNumbers`;
export const rowScalesName = (tensorName: string): string => `${tensorName}.rowScales`;

/** Of the numbers that stand for weights, -127 to 127. */
const largestNumber = 127;

/** How they are stored: as they are, or with 128 added. Processors differ in which products are exact (executor/exact-products.ts). */
export type RowNumbers = "int8" | "uint8";

/** What stored numbers have added. */
export const rowNumbersOffset = { int8: 0, uint8: 128 } as const satisfies Record<RowNumbers, number>;

/** Rows laid out together, so that the transposed numbers are written a cache line at a time. */
const rowsAtOnce = 64;

export interface MatrixSize {
  readonly numRows: number;
  readonly numColumns: number;
}

export class RowQuantizer {
  /** Transposed, as integer products want it: [numColumns, numRows]. */
  readonly numbers: Int8Array | Uint8Array;
  /** weight = scale * (number - offset) */
  readonly scales: Float32Array; // [numRows]
  readonly #numRows: number;
  readonly #numColumns: number;
  readonly #offset: number;

  constructor({ numRows, numColumns }: MatrixSize, stored: RowNumbers) {
    const length = numRows * numColumns;
    this.numbers = stored === "int8" ? new Int8Array(length) : new Uint8Array(length);
    this.#offset = rowNumbersOffset[stored];
    this.scales = new Float32Array(numRows);
    this.#numRows = numRows;
    this.#numColumns = numColumns;
  }

  /** Takes the rows from `firstRow` on, row-major. */
  add(firstRow: number, weights: Float32Array): void {
    const numAdded = weights.length / this.#numColumns;
    for (let row = 0; row < numAdded; row += rowsAtOnce) {
      const end = Math.min(row + rowsAtOnce, numAdded);
      this.#addTogether(firstRow + row, weights.subarray(row * this.#numColumns, end * this.#numColumns));
    }
  }

  #addTogether(firstRow: number, weights: Float32Array): void {
    const numColumns = this.#numColumns;
    const numAdded = weights.length / numColumns;
    const inverses = new Float64Array(numAdded);
    for (let row = 0; row < numAdded; row++) {
      let peak = 0;
      for (let i = row * numColumns; i < (row + 1) * numColumns; i++) peak = Math.max(peak, Math.abs(weights[i] ?? 0));
      const scale = Math.fround(peak / largestNumber);
      this.scales[firstRow + row] = scale;
      inverses[row] = scale === 0 ? 0 : 1 / scale;
    }
    for (let column = 0; column < numColumns; column++) {
      const target = column * this.#numRows + firstRow;
      for (let row = 0; row < numAdded; row++) {
        const number = Math.round((weights[row * numColumns + column] ?? 0) * (inverses[row] ?? 0));
        this.numbers[target + row] = number + this.#offset;
      }
    }
  }
}
