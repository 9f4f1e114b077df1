import { CheckpointError } from "./model-errors.ts";
import type { TensorDtype } from "./safetensors.ts";

/** The numbers of a stored tensor. `bytes` starts at a multiple of four in its buffer. */
export function decodeFloats(bytes: Uint8Array, dtype: TensorDtype): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case "F16":
      return Float32Array.from(new Float16Array(buffer, byteOffset, byteLength / 2));
    case "BF16": {
      // A bfloat16 is the upper half of a float32.
      const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
      const words = new Uint32Array(halves.length);
      for (let i = 0; i < halves.length; i++) words[i] = (halves[i] ?? 0) << 16;
      return new Float32Array(words.buffer);
    }
    case "I32":
    case "U8":
    case "I8":
      throw new CheckpointError(`weights of type ${dtype} are not numbers to multiply with`);
  }
}
