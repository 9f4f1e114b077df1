// Where a checkpoint keeps its weights: as Llama does, apart from what separate-fused.ts takes apart before. The graph asks for tensors by these names; the same list tells the
// quantizer which ones are matrices to multiply with, and the loader which ones must be there.
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { linearRoles } from "./linear-role.ts";
import type { LinearRole } from "./linear-role.ts";
import { CheckpointError, UnsupportedModelError } from "./model-errors.ts";

export const embeddingName = "model.embed_tokens.weight";
export const finalNormName = "model.norm.weight";

/** The matrix that turns hidden states into logits. */
export function outputProjectionName(config: DecoderConfig): string {
  return config.tiedEmbeddings ? embeddingName : "lm_head.weight";
}

export function layerTensorNames(layer: number) {
  const prefix = `model.layers.${layer}`;
  return {
    attentionNorm: `${prefix}.input_layernorm.weight`,
    query: `${prefix}.self_attn.q_proj.weight`,
    key: `${prefix}.self_attn.k_proj.weight`,
    value: `${prefix}.self_attn.v_proj.weight`,
    queryNorm: `${prefix}.self_attn.q_norm.weight`,
    keyNorm: `${prefix}.self_attn.k_norm.weight`,
    attentionOutput: `${prefix}.self_attn.o_proj.weight`,
    mlpNorm: `${prefix}.post_attention_layernorm.weight`,
    gate: `${prefix}.mlp.gate_proj.weight`,
    up: `${prefix}.mlp.up_proj.weight`,
    down: `${prefix}.mlp.down_proj.weight`,
  } as const;
}

/** The bias that belongs to a matrix. */
export const biasName = (tensorName: string): string => tensorName.replace(/\.weight$/, ".bias");

/** [outFeatures, inFeatures] of a layer's matrix. */
export function linearShape(config: DecoderConfig, role: LinearRole): readonly [number, number] {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim } = config;
  switch (role) {
    case "query":
      return [numHeads * headDim, hiddenSize];
    case "key":
    case "value":
      return [numKvHeads * headDim, hiddenSize];
    case "attentionOutput":
      return [hiddenSize, numHeads * headDim];
    case "gate":
    case "up":
      return [intermediateSize, hiddenSize];
    case "down":
      return [hiddenSize, intermediateSize];
  }
}

// tensor name -> [outFeatures, inFeatures], of every matrix a hidden state is multiplied with
export function linearShapes(config: DecoderConfig): ReadonlyMap<string, readonly [number, number]> {
  const shapes = new Map<string, readonly [number, number]>();
  for (let layer = 0; layer < config.numLayers; layer++) {
    const names = layerTensorNames(layer);
    for (const role of linearRoles) shapes.set(names[role], linearShape(config, role));
  }
  return shapes.set(outputProjectionName(config), [config.vocabSize, config.hiddenSize]);
}

// tensor name -> length, of every vector of a layer: norms and biases
function layerVectors(config: DecoderConfig, layer: number): ReadonlyMap<string, number> {
  const names = layerTensorNames(layer);
  const lengths = new Map<string, number>([
    [names.attentionNorm, config.hiddenSize],
    [names.mlpNorm, config.hiddenSize],
  ]);
  for (const role of config.biases) lengths.set(biasName(names[role]), linearShape(config, role)[0]);
  if (config.queryKeyNorm) lengths.set(names.queryNorm, config.headDim).set(names.keyNorm, config.headDim);
  return lengths;
}

// tensor name -> shape, of every tensor that the graph uses
export function tensorShapes(config: DecoderConfig): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>(linearShapes(config));
  shapes.set(embeddingName, [config.vocabSize, config.hiddenSize]).set(finalNormName, [config.hiddenSize]);
  for (let layer = 0; layer < config.numLayers; layer++) {
    for (const [name, length] of layerVectors(config, layer)) shapes.set(name, [length]);
  }
  return shapes;
}

/**
 * Refuses a checkpoint whose tensors are not exactly those the graph will use: a weight that nobody reads (a bias, say)
 * means a model that is computed wrongly.
 *
 * @throws CheckpointError on a missing or misshapen tensor. @throws UnsupportedModelError on a surplus one.
 */
export function checkTensors(config: DecoderConfig, checkpoint: Checkpoint): void {
  const expected = tensorShapes(config);
  for (const [name, shape] of expected) {
    const tensor = checkpoint.tensors.get(name);
    const found = tensor?.shape.join(" x ") ?? "missing";
    if (found !== shape.join(" x ")) {
      throw new CheckpointError(`${name}: ${found}, not ${shape.join(" x ")} as config.json has it`);
    }
    if (tensor?.dtype === "I32" || tensor?.dtype === "U8") {
      throw new UnsupportedModelError(`${name}: ${tensor.dtype} is not supported; F32, F16 and BF16 are`);
    }
  }
  for (const name of checkpoint.tensors.keys()) {
    if (!expected.has(name) && !isRedundant(name)) throw new UnsupportedModelError(`${name}: a weight of no known use`);
  }
}

/** Old checkpoints carry RoPE's frequencies, and tied ones sometimes a second copy of the embedding. */
function isRedundant(name: string): boolean {
  return name.endsWith(".rotary_emb.inv_freq") || name === "lm_head.weight";
}
