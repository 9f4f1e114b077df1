import { expect, test } from "vitest";
import type { Checkpoint, CheckpointTensor } from "./checkpoint.ts";
import { parseConfig } from "./config.ts";
import { separateFused } from "./separate-fused.ts";

const fields = {
  vocab_size: 100,
  hidden_size: 8,
  intermediate_size: 6,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
};
const phi = parseConfig({ ...fields, model_type: "phi3" });

function checkpointOf(shapes: Readonly<Record<string, readonly [number, number]>>): Checkpoint {
  let offsetBytes = 1000;
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, shape] of Object.entries(shapes)) {
    const lengthBytes = 2 * shape[0] * shape[1];
    tensors.set(name, { dtype: "BF16", shape, fileName: "a.safetensors", offsetBytes, lengthBytes });
    offsetBytes += lengthBytes;
  }
  return { weightsFolder: "/", fileNames: ["a.safetensors"], tensors };
}

const layer = "model.layers.0";
const fused = {
  [`${layer}.self_attn.qkv_proj.weight`]: [16, 8],
  [`${layer}.mlp.gate_up_proj.weight`]: [12, 8],
} as const;

test("cuts a fused matrix into the byte ranges of its parts, in order, and leaves no row out", () => {
  const { tensors } = separateFused(phi, checkpointOf(fused));
  const ranges = [...tensors].map(([name, { shape, offsetBytes, lengthBytes }]) => [
    name.slice(layer.length + 1),
    ...shape,
    offsetBytes,
    lengthBytes,
  ]);
  expect(ranges).toEqual([
    ["self_attn.q_proj.weight", 8, 8, 1000, 128],
    ["self_attn.k_proj.weight", 4, 8, 1128, 64],
    ["self_attn.v_proj.weight", 4, 8, 1192, 64],
    ["mlp.gate_proj.weight", 6, 8, 1256, 96],
    ["mlp.up_proj.weight", 6, 8, 1352, 96],
  ]);
});

test("leaves the checkpoint of a family with separate matrices as it is", () => {
  const checkpoint = checkpointOf(fused);
  expect(separateFused(parseConfig({ ...fields, model_type: "llama" }), checkpoint)).toBe(checkpoint);
});

test.each([
  ["missing", {}],
  ["17 x 8, not 16 x 8", { ...fused, [`${layer}.self_attn.qkv_proj.weight`]: [17, 8] as const }],
  ["12 x 9, not 12 x 8", { ...fused, [`${layer}.mlp.gate_up_proj.weight`]: [12, 9] as const }],
])("refuses a fused matrix that is not the sum of its parts: %s", (reason, shapes) => {
  expect(() => separateFused(phi, checkpointOf(shapes))).toThrow(reason);
});
