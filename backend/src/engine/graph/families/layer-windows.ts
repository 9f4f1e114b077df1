import type { ConfigFile } from "#engine/graph/config-file.ts";
import { refuse } from "#engine/graph/refuse.ts";

/** A layer's attention window, absent where it sees everything. */
export interface LayerWindow {
  readonly window?: number;
}

/** One window for all layers. One that the model's positions never exceed hides nothing and is left out. */
export function sameWindow(file: ConfigFile): readonly LayerWindow[] {
  return Array.from({ length: file.num_hidden_layers }, () => windowOf(file));
}

/**
 * Windows by `layer_types`, or by `isSliding` where the file has none. `use_sliding_window` must be on for any to hold.
 *
 * @throws UnsupportedModelError on a layer type of another kind, or a window of no length.
 */
export function windowsByLayer(file: ConfigFile, isSliding: (layer: number) => boolean): readonly LayerWindow[] {
  const isOn = file.use_sliding_window === true && typeof file.sliding_window === "number";
  const numLayers = file.num_hidden_layers;
  const byDefault = (layer: number) => (isOn && isSliding(layer) ? "sliding_attention" : "full_attention");
  const types = file.layer_types ?? Array.from({ length: numLayers }, (_, layer) => byDefault(layer));
  if (types.length !== numLayers) refuse("layer_types", types, `names ${types.length} of ${numLayers} layers`);
  return types.map((type) => {
    if (type === "full_attention") return {};
    if (type !== "sliding_attention") refuse("layer_types", type);
    if (!isOn) refuse("layer_types", type, "needs use_sliding_window and sliding_window");
    return windowOf(file);
  });
}

function windowOf({ sliding_window: window, max_position_embeddings: maxPositions }: ConfigFile): LayerWindow {
  return typeof window === "number" && window < maxPositions ? { window } : {};
}
