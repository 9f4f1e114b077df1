import { expect, test } from "vitest";
import { encodings } from "./block-types.ts";

/** Values over both signs; the one farthest from zero is negative. */
const values = Float32Array.from({ length: 64 }, (_, index) => Math.sin(3 * index) - 0.2);

test("Q8_0 gives every value back within half a step of its block's scale", () => {
  const view = viewOf(encodings.Q8_0.encode(values));
  expect(view.byteLength).toBe(encodings.Q8_0.sizeBytes(64));
  for (const [index, value] of values.entries()) {
    const block = Math.floor(index / 32) * 34;
    const scale = view.getFloat16(block, true);
    // The scale is rounded to half precision, which moves a level of 127 by up to a thousandth of itself.
    const restored = scale * view.getInt8(block + 2 + (index % 32));
    expect(Math.abs(restored - value)).toBeLessThan(0.5 * scale + 1e-3);
  }
});

test("Q4_0 gives every value back within a step, and the one farthest from zero as it is", () => {
  const view = viewOf(encodings.Q4_0.encode(values));
  expect(view.byteLength).toBe(encodings.Q4_0.sizeBytes(64));
  const restored = Array.from(values, (_, index) => {
    const block = Math.floor(index / 32) * 18;
    const byte = view.getUint8(block + 2 + (index % 16));
    const level = index % 32 < 16 ? byte & 15 : byte >> 4;
    return view.getFloat16(block, true) * (level - 8);
  });
  const lowest = values.indexOf(Math.min(...values.subarray(0, 32)));
  expect(restored[lowest]).toBeCloseTo(values[lowest] ?? NaN, 3);
  for (const [index, value] of values.entries()) {
    const scale = Math.abs(view.getFloat16(Math.floor(index / 32) * 18, true));
    expect(Math.abs((restored[index] ?? NaN) - value)).toBeLessThan(scale + 1e-3);
  }
});

test.each(["Q8_0", "Q4_0"] as const)("%s of zeros is zeros", (type) => {
  const view = viewOf(encodings[type].encode(new Float32Array(32)));
  expect(view.getFloat16(0, true)).toBeCloseTo(0);
});

test("values that are not whole blocks are refused", () => {
  expect(() => encodings.Q4_0.encode(new Float32Array(33))).toThrow("33 values");
});

test("half precision holds what half precision can", () => {
  expect(new Float16Array(encodings.F16.encode(Float32Array.of(0.5, -3, 0.1)).buffer as ArrayBuffer)).toEqual(
    Float16Array.of(0.5, -3, 0.1),
  );
});

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer as ArrayBuffer, byteOffset, byteLength);
}
