import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "./graph-builder.ts";
import { type RowNumbers, RowQuantizer } from "./quantize-rows.ts";
import { RowProducts } from "./row-products.ts";

const inFeatures = 96;
const outFeatures = 40;
const weights = Float32Array.from({ length: outFeatures * inFeatures }, (_, index) => Math.cos(index * index));
const inputs = (row: number): number[] =>
  Array.from({ length: inFeatures }, (_, index) => Math.sin(index + 7 * row) * 10 ** row);

// The signed form is exact on some processors only (executor/exact-products.ts).
test("a product is as near to the exact one as 8 bits allow, whatever a row's size", async () => {
  for (const row of [-3, 0, 3]) {
    const [products = []] = await multiply("uint8", [inputs(row)]);
    for (const [output, product] of products.entries()) {
      const exact = inputs(row).reduce((sum, x, index) => sum + x * (weights[output * inFeatures + index] ?? 0), 0);
      expect(Math.abs(product - exact)).toBeLessThan(0.1 * 10 ** row);
    }
  }
});

describe.each(["int8", "uint8"] as const)("weights stored as %s", (stored) => {
  test("a row's products have the same bits alone and beside any others", async () => {
    const [alone] = await multiply(stored, [inputs(1)]);
    for (const count of [2, 3, 17]) {
      const rows = await multiply(
        stored,
        Array.from({ length: count }, (_, row) => inputs(row === 1 ? 1 : row - 8)),
      );
      expect(rows[1]).toEqual(alone);
    }
  });

  test("a row of zeros gives zeros, and one with a NaN no finite number", async () => {
    const zeros = inputs(0).map(() => 0);
    const nans = inputs(0).map(() => NaN);
    const [ofZeros, ofNans, healthy] = await multiply(stored, [zeros, nans, inputs(1)]);
    expect(ofZeros?.every((product) => Math.abs(product) === 0)).toBe(true);
    expect(ofNans?.some((product) => Number.isFinite(product))).toBe(false);
    expect([healthy]).toEqual(await multiply(stored, [inputs(1)]));
  });

  test("no rows give no products", async () => {
    expect(await multiply(stored, [])).toEqual([]);
  });
});

async function multiply(stored: RowNumbers, rows: readonly (readonly number[])[]): Promise<number[][]> {
  const quantizer = new RowQuantizer({ numRows: outFeatures, numColumns: inFeatures }, stored);
  quantizer.add(0, weights);
  const graph = new GraphBuilder();
  const x = graph.input("x", "float32", [1, "rows", inFeatures]);
  const source = {
    stored: (name: string) =>
      name.endsWith("rowNumbers")
        ? graph.inlineInitializer(name, stored, [inFeatures, outFeatures], quantizer.numbers)
        : graph.inlineInitializer(name, "float32", [outFeatures], quantizer.scales),
  };
  graph.output(new RowProducts(graph, source).multiply("y", "matrix", stored, x), "float32", [1, "rows", outFeatures]);
  const session = await InferenceSession.create(graph.encode(), { intraOpNumThreads: 1 });
  const { y } = await session.run({
    x: new Tensor("float32", Float32Array.from(rows.flat()), [1, rows.length, inFeatures]),
  });
  await session.release();
  expect(y?.dims).toEqual([1, rows.length, outFeatures]);
  const flat = y?.data instanceof Float32Array ? [...y.data] : [];
  return rows.map((_, row) => flat.slice(row * outFeatures, (row + 1) * outFeatures));
}
