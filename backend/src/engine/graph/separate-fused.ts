// Some families store the matrices that read the same input as one, row after row. Rows of a safetensors matrix lie one after
// another, so each part is a byte range of its own, and the rest of the engine need not know that they were ever one.
import type { Checkpoint, CheckpointTensor } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import type { LinearRole } from "./linear-role.ts";
import { CheckpointError } from "./model-errors.ts";
import { layerTensorNames, linearShape } from "./tensor-names.ts";

// fused matrix, within its layer -> the parts in the order of their rows
const fusedParts = {
  "self_attn.qkv_proj.weight": ["query", "key", "value"],
  "mlp.gate_up_proj.weight": ["gate", "up"],
} as const satisfies Record<string, readonly LinearRole[]>;

/**
 * The checkpoint with its fused matrices under the names of their parts; as it is when the model has none.
 *
 * @throws CheckpointError when a fused matrix is missing or has not the rows of its parts.
 */
export function separateFused(config: DecoderConfig, checkpoint: Checkpoint): Checkpoint {
  if (!config.fusedProjections) return checkpoint;
  const tensors = new Map(checkpoint.tensors);
  for (let layer = 0; layer < config.numLayers; layer++) {
    for (const [suffix, roles] of Object.entries(fusedParts)) {
      const name = `model.layers.${layer}.${suffix}`;
      const fused = tensors.get(name);
      if (fused === undefined) throw new CheckpointError(`${name}: missing`);
      tensors.delete(name);
      for (const [role, part] of cutRows(config, name, fused, roles)) tensors.set(layerTensorNames(layer)[role], part);
    }
  }
  return { ...checkpoint, tensors };
}

function cutRows(config: DecoderConfig, name: string, fused: CheckpointTensor, roles: readonly LinearRole[]) {
  const shapes = roles.map((role) => linearShape(config, role));
  const numRows = shapes.reduce((sum, [rows]) => sum + rows, 0);
  const expected = `${numRows} x ${config.hiddenSize}`;
  const found = fused.shape.join(" x ");
  if (found !== expected) throw new CheckpointError(`${name}: ${found}, not ${expected}`);

  const rowBytes = fused.lengthBytes / numRows;
  let { offsetBytes } = fused;
  return roles.map((role, index): readonly [LinearRole, CheckpointTensor] => {
    const shape = shapes[index] ?? [];
    const lengthBytes = (shape[0] ?? 0) * rowBytes;
    const part = { ...fused, shape, offsetBytes, lengthBytes };
    offsetBytes += lengthBytes;
    return [role, part];
  });
}
