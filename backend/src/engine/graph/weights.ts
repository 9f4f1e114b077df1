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
  I8: "int8",
} as const satisfies Record<TensorDtype, ElementType>;

/** A checkpoint's tensors as initializers of one graph; the bytes stay in their files. */
export class Weights {
  readonly #graph: GraphBuilder;
  readonly #checkpoint: Checkpoint;
  /** What the graph computes in. */
  readonly #floatType: "float32" | "float16";
  // tensor name -> initializer already made
  readonly #stored = new Map<string, GraphValue>();
  readonly #floats = new Map<string, GraphValue>();

  constructor(graph: GraphBuilder, checkpoint: Checkpoint, floatType: "float32" | "float16") {
    this.#graph = graph;
    this.#checkpoint = checkpoint;
    this.#floatType = floatType;
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

  /** The tensor in the type that the graph computes in. The Cast of a constant is folded when the session loads, so it costs nothing in a step. */
  floats(name: string): GraphValue {
    const stored = this.stored(name);
    if (elementTypeOf[this.#tensor(name).dtype] === this.#floatType) return stored;
    const known = this.#floats.get(name);
    if (known !== undefined) return known;
    const made = this.#cast(`${name}.${this.#floatType}`, stored);
    this.#floats.set(name, made);
    return made;
  }

  /** The rows `ids` [1, numTokens] of a matrix as floats; only those rows are converted. */
  rows(output: string, name: string, ids: GraphValue): GraphValue {
    if (elementTypeOf[this.#tensor(name).dtype] === this.#floatType) {
      return this.#graph.node(output, "Gather", [this.stored(name), ids]);
    }
    return this.#cast(output, this.#graph.node(`${output}.stored`, "Gather", [this.stored(name), ids]));
  }

  #tensor(name: string): CheckpointTensor {
    const tensor = this.#checkpoint.tensors.get(name);
    if (tensor === undefined) throw new CheckpointError(`${name}: missing`);
    return tensor;
  }

  #cast(output: string, x: GraphValue): GraphValue {
    return this.#graph.node(output, "Cast", [x], { attributes: { to: int(elementTypes[this.#floatType]) } });
  }
}
