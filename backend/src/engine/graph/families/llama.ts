// Llama 1 to 3.3, and what is stored in its shape: SmolLM 1 and 2, TinyLlama, Yi and others.
// Source: transformers modeling_llama.py.
import { attentionRoles, mlpRoles } from "#engine/graph/linear-role.ts";
import { plainFeatures } from "./family.ts";
import type { Family } from "./family.ts";

export const llama: Family = {
  modelType: "llama",
  defaults: {},
  describe: (file) => ({
    ...plainFeatures(file),
    biases: [...(file.attention_bias ? attentionRoles : []), ...(file.mlp_bias ? mlpRoles : [])],
  }),
};
