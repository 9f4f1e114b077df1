import { readConfig } from "./config.ts";
import type { DecoderConfig } from "./config.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { encodeDecoder } from "./decoder.ts";
import type { Precision } from "./linear.ts";
import { quantizeCheckpoint } from "./quantized-cache.ts";
import type { Progress } from "./quantized-cache.ts";
import { checkTensors } from "./tensor-names.ts";

export interface DecoderSource {
  /** A Hugging Face directory: config.json and safetensors. */
  readonly modelDir: string;
  readonly precision: Precision;
  /** Where quantized weights are kept; made when missing. */
  readonly cacheDir: string;
  readonly blockSize: number;
  /** No more than the model was trained for; absent means all of it. */
  readonly maxModelLen?: number;
  /** Called while weights are quantized, which happens once per checkpoint and precision. */
  readonly onProgress?: Progress;
}

export interface LoadedDecoder {
  readonly config: DecoderConfig;
  readonly maxModelLen: number;
  /** The ONNX model; its large initializers are byte ranges of files in `weightsFolder`. */
  readonly model: Uint8Array;
  readonly weightsFolder: string;
}

/** @throws UnsupportedModelError or CheckpointError when the directory is not a model that the graph expresses. */
export async function loadDecoder(source: DecoderSource): Promise<LoadedDecoder> {
  const { modelDir, precision, blockSize } = source;
  const config = await readConfig(modelDir);
  const checkpoint = await openCheckpoint(modelDir);
  checkTensors(config, checkpoint);

  const maxModelLen = Math.min(config.maxPositions, source.maxModelLen ?? config.maxPositions);
  const weights = precision === "fp32" ? checkpoint : await quantizeCheckpoint(config, checkpoint, precision, source);
  const model = encodeDecoder(config, weights, { precision, blockSize, maxModelLen });
  return { config, maxModelLen, model, weightsFolder: weights.weightsFolder };
}
