// An ONNX model as plain values, and its encoding. Field numbers are those of onnx.proto
// (github.com/onnx/onnx/blob/main/onnx/onnx.proto); only what the decoder graph uses is here.
import { ProtoMessage } from "./protobuf.ts";

/** onnx.TensorProto.DataType */
export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
} as const;

export type ElementType = keyof typeof elementTypes;

/** A number is fixed; a name is a dimension known only at run time. */
export type Dimension = number | string;

export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly Dimension[];
}

/** A byte range of a file in the folder that the session is given for external data. */
export interface FileRange {
  readonly kind: "file";
  readonly fileName: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

interface InlineBytes {
  readonly kind: "inline";
  /** Little-endian, row-major. */
  readonly bytes: Uint8Array;
}

export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: FileRange | InlineBytes;
}

export type Attribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "graph"; readonly value: OnnxBranch };

/** One way an `If` may go: nodes that see the values around them. */
interface OnnxBranch {
  readonly nodes: readonly OnnxNode[];
  readonly outputs: readonly ValueInfo[];
}

export interface OnnxNode {
  readonly opType: string;
  /** Empty for the standard operators. */
  readonly domain: string;
  /** An empty name is an optional input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  // attribute name -> value
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface OnnxModel {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: readonly Initializer[];
  /** In an order where each value is made before it is used. */
  readonly nodes: readonly OnnxNode[];
}

const irVersion = 10;
const standardOpset = 21;
const attributeTypes = { float: 1, int: 2, graph: 5 } as const;
const externalDataLocation = 1;

export function encodeModel(model: OnnxModel): Uint8Array {
  const graph = new ProtoMessage();
  for (const node of model.nodes) graph.message(1, encodeNode(node));
  graph.string(2, "decoder");
  for (const initializer of model.initializers) graph.message(5, encodeInitializer(initializer));
  for (const input of model.inputs) graph.message(11, encodeValueInfo(input));
  for (const output of model.outputs) graph.message(12, encodeValueInfo(output));

  return new ProtoMessage()
    .int(1, irVersion)
    .string(2, "sluice")
    .message(7, graph)
    .message(8, encodeOpset("", standardOpset))
    .message(8, encodeOpset("com.microsoft", 1))
    .encode();
}

function encodeOpset(domain: string, version: number): ProtoMessage {
  return new ProtoMessage().string(1, domain).int(2, version);
}

function encodeNode(node: OnnxNode): ProtoMessage {
  const message = new ProtoMessage();
  for (const input of node.inputs) message.string(1, input);
  for (const output of node.outputs) message.string(2, output);
  // A node bears its first output's name, so that a native error points at a place in the decoder.
  message.string(3, node.outputs[0] ?? "").string(4, node.opType);
  for (const [name, attribute] of Object.entries(node.attributes)) message.message(5, encodeAttribute(name, attribute));
  return message.string(7, node.domain);
}

function encodeAttribute(name: string, attribute: Attribute): ProtoMessage {
  const message = new ProtoMessage().string(1, name);
  switch (attribute.kind) {
    case "float":
      message.float(2, attribute.value);
      break;
    case "int":
      message.int(3, attribute.value);
      break;
    case "graph":
      message.message(6, encodeBranch(name, attribute.value));
      break;
  }
  return message.int(20, attributeTypes[attribute.kind]);
}

function encodeBranch(name: string, { nodes, outputs }: OnnxBranch): ProtoMessage {
  const graph = new ProtoMessage();
  for (const node of nodes) graph.message(1, encodeNode(node));
  graph.string(2, name);
  for (const output of outputs) graph.message(12, encodeValueInfo(output));
  return graph;
}

function encodeInitializer({ name, type, dims, data }: Initializer): ProtoMessage {
  const message = new ProtoMessage();
  for (const dim of dims) message.int(1, dim);
  message.int(2, elementTypes[type]).string(8, name);
  if (data.kind === "inline") return message.bytes(9, data.bytes);
  const entry = (key: string, value: string) => message.message(13, new ProtoMessage().string(1, key).string(2, value));
  entry("location", data.fileName);
  entry("offset", String(data.offsetBytes));
  entry("length", String(data.lengthBytes));
  return message.int(14, externalDataLocation);
}

function encodeValueInfo({ name, type, dims }: ValueInfo): ProtoMessage {
  const shape = new ProtoMessage();
  for (const dim of dims) {
    shape.message(1, typeof dim === "number" ? new ProtoMessage().int(1, dim) : new ProtoMessage().string(2, dim));
  }
  const tensorType = new ProtoMessage().int(1, elementTypes[type]).message(2, shape);
  return new ProtoMessage().string(1, name).message(2, new ProtoMessage().message(1, tensorType));
}
