// SmolLM 3: Llama whose every fourth layer knows no positions (NoPE; Yang et al. 2025, arXiv:2501.18795).
// Source: transformers modeling_smollm3.py. In `no_rope_layers`, despite its name, 1 means that the layer rotates.
import type { ConfigFile } from "#engine/graph/config-file.ts";
import { refuse } from "#engine/graph/refuse.ts";
import { plainFeatures } from "./family.ts";
import type { Family } from "./family.ts";
import { windowsByLayer } from "./layer-windows.ts";
import { llama } from "./llama.ts";

export const smollm3: Family = {
  modelType: "smollm3",
  defaults: {
    num_key_value_heads: 4,
    max_position_embeddings: 32_768,
    tie_word_embeddings: true,
    no_rope_layer_interval: 4,
    rope_theta: 2_000_000,
  },
  describe: (file) => {
    const rotates = layersThatRotate(file);
    const windows = windowsByLayer(file, (layer) => rotates[layer] === false);
    return {
      ...plainFeatures(file),
      biases: llama.describe(file).biases,
      layers: windows.map((window, layer) => ({ rotates: rotates[layer] === true, ...window })),
    };
  },
};

function layersThatRotate(file: ConfigFile): readonly boolean[] {
  const { num_hidden_layers: numLayers, no_rope_layer_interval: interval = 4, no_rope_layers } = file;
  const listed = no_rope_layers ?? undefined;
  if (listed === undefined) return Array.from({ length: numLayers }, (_, layer) => (layer + 1) % interval !== 0);
  if (listed.length < numLayers) refuse("no_rope_layers", listed, `names ${listed.length} of ${numLayers} layers`);
  return listed.slice(0, numLayers).map((flag) => flag !== 0);
}
