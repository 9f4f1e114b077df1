import { checkVectors } from "./check-vectors.ts";
import { readConfig } from "./config.ts";
import type { DecoderConfig } from "./config.ts";
import { openCheckpoint } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { encodeDecoder } from "./decoder.ts";
import type { DevicePrecision, Precision } from "./linear.ts";
import { fusedMatrices, rowMultiples, separateMatrices } from "./matrix-groups.ts";
import type { RowMultiples } from "./matrix-groups.ts";
import { encodePagedDecoder } from "./paged-decoder.ts";
import { withModelPrefix } from "./model-prefix.ts";
import type { RowNumbers } from "./quantize-rows.ts";
import { quantizeCheckpoint } from "./quantized-cache.ts";
import type { Progress } from "./quantized-cache.ts";
import { separateFused } from "./separate-fused.ts";
import { checkTensors } from "./tensor-names.ts";

/** A model directory whose headers are read and found in order; none of its weights are read. */
export interface OpenModel {
  readonly config: DecoderConfig;
  readonly checkpoint: Checkpoint;
}

export interface DecoderOptions<AnyPrecision = Precision> {
  readonly precision: AnyPrecision;
  /** Where quantized weights are kept; made when missing. */
  readonly cacheDir: string;
  readonly blockSize: number;
  /** Longest sequence; see `chooseMaxModelLen`. */
  readonly maxModelLen: number;
  /** Called while weights are quantized, which happens once per checkpoint and precision. */
  readonly onProgress?: Progress;
}

export interface CpuDecoderOptions extends DecoderOptions {
  /** See `TileShape`. */
  readonly tileSize: number;
  /** How 8-bit weights must be stored for exact products on this processor (executor/exact-products.ts). */
  readonly exactNumbers: RowNumbers | undefined;
}

export interface LoadedDecoder {
  /** The ONNX model; its large initializers are byte ranges of files in `weightsFolder`. */
  readonly model: Uint8Array;
  readonly weightsFolder: string;
}

export interface LoadedCpuDecoder extends LoadedDecoder {
  readonly rowMultiples: RowMultiples;
}

/**
 * @param modelDir a Hugging Face directory: config.json and safetensors
 * @throws UnsupportedModelError or CheckpointError when the directory is not a model that the graph expresses.
 */
export async function openModel(modelDir: string): Promise<OpenModel> {
  const config = await readConfig(modelDir);
  const checkpoint = separateFused(config, withModelPrefix(await openCheckpoint(modelDir)));
  checkTensors(config, checkpoint);
  return { config, checkpoint };
}

/**
 * The longest sequence to serve: `wanted`, but no more than the model was trained for. When nothing is wanted, all of it,
 * except that LongRoPE models stay within their original positions: beyond, all lengths get the long factors (rope-frequencies.ts).
 */
export function chooseMaxModelLen({ maxPositions, rope }: DecoderConfig, wanted: number | undefined): number {
  const usual = rope.scaling.kind === "longrope" ? rope.scaling.originalMaxPositions : maxPositions;
  return Math.min(maxPositions, wanted ?? usual);
}

/** For the CPU provider. @throws CheckpointError when weights are not finite; of matrices only where they are quantized. */
export async function loadDecoder(
  { config, checkpoint }: OpenModel,
  options: CpuDecoderOptions,
): Promise<LoadedCpuDecoder> {
  const { precision } = options;
  await checkVectors(checkpoint);
  if (precision === "fp32") {
    const model = encodeDecoder(config, checkpoint, { ...options, groups: [] });
    return { model, weightsFolder: checkpoint.weightsFolder, rowMultiples: rowMultiples(config, []) };
  }
  const groups = fusedMatrices(config, precision, options.exactNumbers);
  const weights = await quantizeCheckpoint(checkpoint, precision, groups, options);
  const model = encodeDecoder(config, weights, { ...options, groups });
  return { model, weightsFolder: weights.weightsFolder, rowMultiples: rowMultiples(config, groups) };
}

/** For the WebGPU provider. @throws as `loadDecoder`. */
export async function loadPagedDecoder(
  { config, checkpoint }: OpenModel,
  options: DecoderOptions<DevicePrecision>,
): Promise<LoadedDecoder> {
  const { precision } = options;
  await checkVectors(checkpoint);
  const weights =
    precision === "fp16"
      ? checkpoint
      : await quantizeCheckpoint(checkpoint, precision, separateMatrices(config), options);
  return { model: encodePagedDecoder(config, weights, options), weightsFolder: weights.weightsFolder };
}
