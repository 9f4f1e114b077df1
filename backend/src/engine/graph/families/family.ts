// What tells one family of decoders from another, as data. The graph is built from these features alone and never asks
// for a family's name, so that a new family is one more small file here.
import type { ConfigFile } from "#engine/graph/config-file.ts";
import type { LinearRole } from "#engine/graph/linear-role.ts";

export interface Family {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** Where the family's config class in transformers departs from Llama's: such fields may be missing in the file. */
  readonly defaults: Partial<ConfigFile>;
  /** @throws UnsupportedModelError naming a field whose value the graph does not express. */
  readonly describe: (file: ConfigFile) => FamilyFeatures;
}

export interface FamilyFeatures {
  /** Products with a layer's matrices to which a bias is added. */
  readonly biases: readonly LinearRole[];
  /** Whether each head's query and key are normalized before they are rotated. */
  readonly queryKeyNorm: boolean;
  /** Whether query, key and value lie in one matrix, and gate and up in another. */
  readonly fusedProjections: boolean;
  /** Whether only the first part of each head may be rotated (`partial_rotary_factor`). */
  readonly partialRotary: boolean;
  readonly layers: readonly LayerFeatures[];
}

interface LayerFeatures {
  /** Whether positions rotate queries and keys; a layer without sees no positions at all. */
  readonly rotates: boolean;
  /** Tokens that a token sees, itself included; absent means all before it. */
  readonly window?: number;
}

/** Llama without any of its options. */
export function plainFeatures(file: ConfigFile): FamilyFeatures {
  return {
    biases: [],
    queryKeyNorm: false,
    fusedProjections: false,
    partialRotary: false,
    layers: Array.from({ length: file.num_hidden_layers }, () => ({ rotates: true })),
  };
}
