// Qwen 3 (dense): a norm on each head's query and key takes the place of Qwen 2's biases; head_dim stands alone.
// Source: transformers modeling_qwen3.py.
import { attentionRoles } from "#engine/graph/linear-role.ts";
import { plainFeatures } from "./family.ts";
import type { Family } from "./family.ts";
import { qwen2, qwenWindows } from "./qwen2.ts";

export const qwen3: Family = {
  modelType: "qwen3",
  defaults: { ...qwen2.defaults, head_dim: 128 },
  describe: (file) => ({
    ...plainFeatures(file),
    biases: file.attention_bias ? attentionRoles : [],
    queryKeyNorm: true,
    layers: qwenWindows(file).map((window) => ({ rotates: true, ...window })),
  }),
};
