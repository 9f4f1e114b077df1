// Mistral 7B and Nemo: Llama with one sliding window for all layers, which later releases switch off (null).
// Source: transformers modeling_mistral.py, which ignores layer_types; a model that needs them is of another type.
import { refuse } from "#engine/graph/refuse.ts";
import { plainFeatures } from "./family.ts";
import type { Family } from "./family.ts";
import { sameWindow } from "./layer-windows.ts";

export const mistral: Family = {
  modelType: "mistral",
  defaults: {
    intermediate_size: 14_336,
    num_key_value_heads: 8,
    max_position_embeddings: 131_072,
    sliding_window: 4096,
  },
  describe: (file) => {
    if (Array.isArray(file.layer_types)) refuse("layer_types", file.layer_types);
    return {
      ...plainFeatures(file),
      layers: sameWindow(file).map((window) => ({ rotates: true, ...window })),
    };
  },
};
