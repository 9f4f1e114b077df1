import type { Checkpoint, CheckpointTensor } from "./checkpoint.ts";
import { int } from "./graph-builder.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import { CheckpointError } from "./model-errors.ts";
import { elementTypes } from "./onnx-model.ts";
import type { ElementType } from "./onnx-model.ts";
import type { TensorDtype } from "./safetensors.ts";

// safetensors dtype -> ONNX element type
const elementTypeOf = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I32: "int32",
  U8: "uint8",
} as const satisfies Record<TensorDtype, ElementType>;

/** A checkpoint's tensors as initializers of one graph; the bytes stay in their files. */
export class Weights {
  readonly #graph: GraphBuilder;
  readonly #checkpoint: Checkpoint;
  // tensor name -> initializer already made
  readonly #stored = new Map<string, GraphValue>();
  readonly #floats = new Map<string, GraphValue>();

  constructor(graph: GraphBuilder, checkpoint: Checkpoint) {
    this.#graph = graph;
    this.#checkpoint = checkpoint;
  }

  has(name: string): boolean {
    return this.#checkpoint.tensors.has(name);
  }

  /** The tensor in the type it is stored in. */
  stored(name: string): GraphValue {
    const known = this.#stored.get(name);
    if (known !== undefined) return known;
    const { dtype, shape, fileName, offsetBytes, lengthBytes } = this.#tensor(name);
    const file = { kind: "file", fileName, offsetBytes, lengthBytes } as const;
    const made = this.#graph.fileInitializer(name, elementTypeOf[dtype], shape, file);
    this.#stored.set(name, made);
    return made;
  }

  /** The tensor as float32. The Cast of a constant is folded when the session loads, so it costs nothing in a step. */
  float32(name: string): GraphValue {
    if (this.#tensor(name).dtype === "F32") return this.stored(name);
    const known = this.#floats.get(name);
    if (known !== undefined) return known;
    const made = castToFloat32(this.#graph, `${name}.float32`, this.stored(name));
    this.#floats.set(name, made);
    return made;
  }

  /** The rows `ids` [1, numTokens] of a matrix as float32; only those rows are converted. */
  rows(output: string, name: string, ids: GraphValue): GraphValue {
    if (this.#tensor(name).dtype === "F32") return this.#graph.node(output, "Gather", [this.stored(name), ids]);
    const rows = this.#graph.node(`${output}.stored`, "Gather", [this.stored(name), ids]);
    return castToFloat32(this.#graph, output, rows);
  }

  #tensor(name: string): CheckpointTensor {
    const tensor = this.#checkpoint.tensors.get(name);
    if (tensor === undefined) throw new CheckpointError(`${name}: missing`);
    return tensor;
  }
}

function castToFloat32(graph: GraphBuilder, output: string, x: GraphValue): GraphValue {
  return graph.node(output, "Cast", [x], { attributes: { to: int(elementTypes.float32) } });
}
