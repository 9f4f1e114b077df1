// Qwen 2 and 2.5: biases on query, key and value; where windows are on, the layers from max_window_layers on have one.
// Source: transformers modeling_qwen2.py.
import type { ConfigFile } from "#engine/graph/config-file.ts";
import { plainFeatures } from "./family.ts";
import type { Family } from "./family.ts";
import { windowsByLayer } from "./layer-windows.ts";
import type { LayerWindow } from "./layer-windows.ts";

export const qwen2: Family = {
  modelType: "qwen2",
  defaults: {
    num_key_value_heads: 32,
    max_position_embeddings: 32_768,
    sliding_window: 4096,
    max_window_layers: 28,
  },
  describe: (file) => ({
    ...plainFeatures(file),
    biases: ["query", "key", "value"],
    layers: qwenWindows(file).map((window) => ({ rotates: true, ...window })),
  }),
};

export function qwenWindows(file: ConfigFile): readonly LayerWindow[] {
  return windowsByLayer(file, (layer) => layer >= (file.max_window_layers ?? 0));
}
