import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint } from "./checkpoint.ts";
import { decodeFloats } from "./decode-floats.ts";
import { CheckpointError } from "./model-errors.ts";
import { readExactly } from "./safetensors.ts";

/**
 * Reads every norm and bias: they are few numbers, and one that is not finite need not show in a product with rounded
 * activations, where not-a-number becomes just some number.
 *
 * @throws CheckpointError naming the first at fault.
 */
export async function checkVectors({ tensors, weightsFolder }: Checkpoint): Promise<void> {
  for (const [name, { shape, dtype, fileName, offsetBytes, lengthBytes }] of tensors) {
    if (shape.length !== 1) continue;
    const file = await open(join(weightsFolder, fileName), "r");
    try {
      const vector = decodeFloats(await readExactly(file, offsetBytes, lengthBytes), dtype);
      if (vector.every((weight) => Number.isFinite(weight))) continue;
      throw new CheckpointError(`${name}: weights that are not finite; download the checkpoint again`);
    } finally {
      await file.close();
    }
  }
}
