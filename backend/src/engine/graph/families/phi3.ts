// Phi 3, 3.5 and 4 (mini and 14B, text only): fused projections; Phi-4-mini rotates three quarters of each head.
// Source: transformers modeling_phi3.py.
import { plainFeatures } from "./family.ts";
import type { Family } from "./family.ts";
import { sameWindow } from "./layer-windows.ts";

export const phi3: Family = {
  modelType: "phi3",
  defaults: { max_position_embeddings: 4096, original_max_position_embeddings: 4096, rms_norm_eps: 1e-5 },
  describe: (file) => ({
    ...plainFeatures(file),
    fusedProjections: true,
    partialRotary: true,
    layers: sameWindow(file).map((window) => ({ rotates: true, ...window })),
  }),
};
