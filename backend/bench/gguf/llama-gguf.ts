// A Llama checkpoint as llama.cpp reads it. Two things differ from the checkpoint. ggml rotates neighbouring pairs where
// transformers rotates the two halves of a head, so the rows of the query and key matrices change places. And a file must
// bring a tokenizer: this one holds words that nobody will tokenize, because requests come in token ids.
import { open } from "node:fs/promises";
import { join } from "node:path";
import { type Checkpoint, openCheckpoint } from "#engine/graph/checkpoint.ts";
import { type DecoderConfig, readConfig } from "#engine/graph/config.ts";
import { decodeFloats } from "#engine/graph/decode-floats.ts";
import { embeddingName, finalNormName, layerTensorNames } from "#engine/graph/tensor-names.ts";
import type { BlockType } from "./block-types.ts";
import { type GgufTensor, type GgufValue, writeGguf } from "./gguf-file.ts";

/** Numbers of llama.cpp's `general.file_type`; of no consequence but what tools print. */
const fileTypes: Readonly<Record<BlockType, number>> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7 };
const tokenTypes = { normal: 1, unknown: 2, control: 3 } as const;
const unknownToken = 0;
const beginToken = 1;
const endToken = 2;
const firstByteToken = 3;

/** How matrices are stored. */
export interface MatrixTypes {
  readonly layers: BlockType;
  /** Of the embedding, which is the output projection as well. */
  readonly embedding: BlockType;
}

/**
 * Writes a tied Llama checkpoint without biases as GGUF, norms in F32.
 *
 * @throws Error when the checkpoint is none of these.
 */
export async function writeLlamaGguf(modelDir: string, types: MatrixTypes, path: string): Promise<void> {
  const config = await readConfig(modelDir);
  const { biases, queryKeyNorm, tiedEmbeddings } = config;
  if (biases.length > 0 || queryKeyNorm || !tiedEmbeddings) throw new Error(`${modelDir}: not a plain, tied Llama`);
  const checkpoint = await openCheckpoint(modelDir);
  await writeGguf(path, describe(config, types.layers), listTensors(config, checkpoint, types));
}

function describe(config: DecoderConfig, type: BlockType): ReadonlyMap<string, GgufValue> {
  return new Map<string, GgufValue>([
    ["general.architecture", { kind: "string", value: "llama" }],
    ["general.file_type", count(fileTypes[type])],
    ["llama.vocab_size", count(config.vocabSize)],
    ["llama.block_count", count(config.numLayers)],
    ["llama.context_length", count(config.maxPositions)],
    ["llama.embedding_length", count(config.hiddenSize)],
    ["llama.feed_forward_length", count(config.intermediateSize)],
    ["llama.attention.head_count", count(config.numHeads)],
    ["llama.attention.head_count_kv", count(config.numKvHeads)],
    ["llama.attention.layer_norm_rms_epsilon", real(config.rmsNormEpsilon)],
    ["llama.rope.dimension_count", count(config.headDim)],
    ["llama.rope.freq_base", real(config.rope.theta)],
    ...describeTokenizer(config.vocabSize),
  ]);
}

function count(value: number): GgufValue {
  return { kind: "uint32", value };
}

function real(value: number): GgufValue {
  return { kind: "float32", value };
}

function describeTokenizer(vocabSize: number): readonly (readonly [string, GgufValue])[] {
  const tokens = Array.from({ length: vocabSize }, (_, id) => describeToken(id));
  return [
    ["tokenizer.ggml.model", { kind: "string", value: "llama" }],
    ["tokenizer.ggml.tokens", { kind: "strings", value: tokens.map(({ text }) => text) }],
    ["tokenizer.ggml.scores", { kind: "float32s", value: tokens.map(() => 0) }],
    ["tokenizer.ggml.token_type", { kind: "int32s", value: tokens.map(({ type }) => type) }],
    ["tokenizer.ggml.unknown_token_id", count(unknownToken)],
    ["tokenizer.ggml.bos_token_id", count(beginToken)],
    ["tokenizer.ggml.eos_token_id", count(endToken)],
    ["tokenizer.ggml.add_bos_token", { kind: "bool", value: false }],
  ];
}

function describeToken(id: number): { readonly text: string; readonly type: number } {
  if (id === unknownToken) return { text: "<unk>", type: tokenTypes.unknown };
  if (id === beginToken) return { text: "<s>", type: tokenTypes.control };
  if (id === endToken) return { text: "</s>", type: tokenTypes.control };
  // Loading looks for a token of every byte. As bytes they would be held back until they make a character; as words of
  // this spelling they are not.
  const byte = id - firstByteToken;
  if (byte < 256) return { text: `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, type: tokenTypes.normal };
  return { text: `▁t${id}`, type: tokenTypes.normal };
}

function listTensors(
  config: DecoderConfig,
  checkpoint: Checkpoint,
  { layers: layerType, embedding }: MatrixTypes,
): readonly GgufTensor[] {
  const tensor = (name: string, source: string, numRotatedHeads = 0, type = layerType): GgufTensor => {
    const stored = checkpoint.tensors.get(source);
    if (stored === undefined) throw new Error(`${source}: missing`);
    return {
      name,
      shape: stored.shape,
      type: stored.shape.length === 1 ? "F32" : type,
      read: async () => {
        const values = await readTensor(checkpoint, source);
        return numRotatedHeads === 0 ? values : interleaveHalves(values, numRotatedHeads, config);
      },
    };
  };
  const layers = Array.from({ length: config.numLayers }, (_, layer) => {
    const names = layerTensorNames(layer);
    return [
      tensor(`blk.${layer}.attn_norm.weight`, names.attentionNorm),
      tensor(`blk.${layer}.attn_q.weight`, names.query, config.numHeads),
      tensor(`blk.${layer}.attn_k.weight`, names.key, config.numKvHeads),
      tensor(`blk.${layer}.attn_v.weight`, names.value),
      tensor(`blk.${layer}.attn_output.weight`, names.attentionOutput),
      tensor(`blk.${layer}.ffn_norm.weight`, names.mlpNorm),
      tensor(`blk.${layer}.ffn_gate.weight`, names.gate),
      tensor(`blk.${layer}.ffn_up.weight`, names.up),
      tensor(`blk.${layer}.ffn_down.weight`, names.down),
    ];
  });
  return [
    tensor("token_embd.weight", embeddingName, 0, embedding),
    ...layers.flat(),
    tensor("output_norm.weight", finalNormName),
  ];
}

async function readTensor(checkpoint: Checkpoint, name: string): Promise<Float32Array> {
  const stored = checkpoint.tensors.get(name);
  if (stored === undefined) throw new Error(`${name}: missing`);
  const file = await open(join(checkpoint.weightsFolder, stored.fileName));
  try {
    const bytes = new Uint8Array(stored.lengthBytes);
    await file.read(bytes, 0, stored.lengthBytes, stored.offsetBytes);
    return decodeFloats(bytes, stored.dtype);
  } finally {
    await file.close();
  }
}

/** Rows i and i + headDim/2 of every head become neighbours. */
function interleaveHalves(
  values: Float32Array,
  numHeads: number,
  { headDim, hiddenSize }: DecoderConfig,
): Float32Array {
  const half = headDim / 2;
  const moved = new Float32Array(values.length);
  for (let head = 0; head < numHeads; head++) {
    for (let i = 0; i < headDim; i++) {
      const source = head * headDim + (i % 2) * half + Math.floor(i / 2);
      moved.set(values.subarray(source * hiddenSize, (source + 1) * hiddenSize), (head * headDim + i) * hiddenSize);
    }
  }
  return moved;
}
