// Which matrices are held as one, and how: products with the same activations are one wider product on the CPU, which spares
// most of a short step's overhead.
import type { DecoderConfig } from "./config.ts";
import type { QuantizedPrecision } from "./linear.ts";
import type { RowNumbers } from "./quantize-rows.ts";
import type { LinearRole } from "./linear-role.ts";
import { layerTensorNames, linearShapes, outputProjectionName } from "./tensor-names.ts";

export interface MatrixGroup {
  /** Of one part, the part's; tensors of the quantized checkpoint are named after it. */
  readonly name: string;
  /** Tensor names. */
  readonly parts: readonly string[];
  /** The parts' rows are cut into so many equal runs: the first run of each part comes first, then the second of each, and so on. */
  readonly numRuns: number;
  /** One scale for each block of 128 weights (quantize.ts), or for each row and its numbers stored so (quantize-rows.ts). */
  readonly scales: "blocks" | RowNumbers;
}

/** Numbers of rows that products may have, so that a row's bits do not depend on how many there are. */
export interface RowMultiples {
  /** Of a run's tokens. */
  readonly tokens: number;
  /** Of the rows whose logits are wanted. */
  readonly logits: number;
}

interface FusedRoles {
  readonly roles: readonly LinearRole[];
  readonly numRuns: (config: DecoderConfig) => number;
}

const fusedRoles: readonly FusedRoles[] = [
  { roles: ["query", "key", "value"], numRuns: ({ numKvHeads }) => numKvHeads },
  { roles: ["attentionOutput"], numRuns: () => 1 },
  { roles: ["gate", "up"], numRuns: () => 1 },
  { roles: ["down"], numRuns: () => 1 },
];

/** Every matrix on its own, with a scale per block. */
export function separateMatrices(config: DecoderConfig): readonly MatrixGroup[] {
  return [...linearShapes(config).keys()].map((name) => ({ name, parts: [name], numRuns: 1, scales: "blocks" }));
}

/**
 * For the CPU. Where the processor's 8-bit products are exact, all 8-bit matrices have a scale per row; at 4 bits that is the
 * output projection alone: the widest matrix, and the one whose errors nothing evens out. (llama.cpp's 4-bit files keep it
 * in 6 or 8 bits as well.)
 */
export function fusedMatrices(
  config: DecoderConfig,
  precision: QuantizedPrecision,
  exactNumbers: RowNumbers | undefined,
): readonly MatrixGroup[] {
  const groups: MatrixGroup[] = [];
  const widest = exactNumbers ?? "blocks";
  const scales = precision === "int8" ? widest : "blocks";
  for (let layer = 0; layer < config.numLayers; layer++) {
    const names = layerTensorNames(layer);
    for (const { roles, numRuns } of fusedRoles) {
      const parts = roles.map((role) => names[role]);
      groups.push({ name: parts.join("+"), parts, numRuns: numRuns(config), scales });
    }
  }
  const output = outputProjectionName(config);
  return [...groups, { name: output, parts: [output], numRuns: 1, scales: widest }];
}

/** Whole sums are exact; others have other bits where a product's last row has no neighbour. */
export function rowMultiples(config: DecoderConfig, groups: readonly MatrixGroup[]): RowMultiples {
  const output = outputProjectionName(config);
  const isExact = (ofOutput: boolean): boolean => {
    const some = groups.filter(({ name }) => (name === output) === ofOutput);
    return some.length > 0 && some.every(({ scales }) => scales !== "blocks");
  };
  return { tokens: isExact(false) ? 1 : 2, logits: isExact(true) ? 1 : 2 };
}
