import { encodeModel } from "./onnx-model.ts";
import type { Attribute, Dimension, ElementType, FileRange, Initializer, OnnxNode, ValueInfo } from "./onnx-model.ts";

declare const graphValue: unique symbol;

/** The name of a tensor inside the graph. */
export type GraphValue = string & { readonly [graphValue]: true };

export interface NodeOptions {
  readonly domain?: "com.microsoft";
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

interface BranchOutput {
  readonly type: ElementType;
  readonly dims: readonly Dimension[];
}

interface Branches {
  readonly whenTrue: () => readonly GraphValue[];
  readonly whenFalse: () => readonly GraphValue[];
  readonly types: readonly BranchOutput[];
}

/** An optional input left out. */
export const absent = "" as GraphValue;

export const int = (value: number): Attribute => ({ kind: "int", value });
export const float = (value: number): Attribute => ({ kind: "float", value });

/** Collects the decoder's nodes in the order they are added, which is the order they run in. */
export class GraphBuilder {
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #initializers: Initializer[] = [];
  #nodes: OnnxNode[] = [];
  // name -> the constant made for it
  readonly #int64Constants = new Map<string, GraphValue>();
  readonly #scalars = new Map<string, GraphValue>();

  input(name: string, type: ElementType, dims: readonly Dimension[]): GraphValue {
    this.#inputs.push({ name, type, dims });
    return name as GraphValue;
  }

  /** Makes `value` a result of the graph, under its own name. */
  output(value: GraphValue, type: ElementType, dims: readonly Dimension[]): void {
    this.#outputs.push({ name: value, type, dims });
  }

  /** Weights that stay in their file. */
  fileInitializer(name: string, type: ElementType, dims: readonly number[], data: FileRange): GraphValue {
    this.#initializers.push({ name, type, dims, data });
    return name as GraphValue;
  }

  /** Small weights and tables that travel inside the model. */
  inlineInitializer(
    name: string,
    type: ElementType,
    dims: readonly number[],
    data: Float32Array | Float16Array | Int32Array | BigInt64Array | Uint8Array | Int8Array,
  ): GraphValue {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initializers.push({ name, type, dims, data: { kind: "inline", bytes } });
    return name as GraphValue;
  }

  /** A constant int64 vector, as shapes and axes are; equal ones are shared. */
  int64s(...values: readonly number[]): GraphValue {
    return this.#int64Constant(`int64s.${values.join("_")}`, [values.length], values);
  }

  /** A constant int64 scalar. */
  int64(value: number): GraphValue {
    return this.#int64Constant(`int64.${value}`, [], [value]);
  }

  /** A constant float32 scalar. */
  float32(value: number): GraphValue {
    return this.#scalar(`float32.${value}`, "float32", Float32Array.of(value));
  }

  /** A constant uint8 scalar. */
  uint8(value: number): GraphValue {
    return this.#scalar(`uint8.${value}`, "uint8", Uint8Array.of(value));
  }

  #scalar(name: string, type: ElementType, data: Float32Array | Uint8Array): GraphValue {
    const known = this.#scalars.get(name);
    if (known !== undefined) return known;
    const made = this.inlineInitializer(name, type, [], data);
    this.#scalars.set(name, made);
    return made;
  }

  #int64Constant(name: string, dims: readonly number[], values: readonly number[]): GraphValue {
    const known = this.#int64Constants.get(name);
    if (known !== undefined) return known;
    const made = this.inlineInitializer(name, "int64", dims, BigInt64Array.from(values, BigInt));
    this.#int64Constants.set(name, made);
    return made;
  }

  /** Adds a node of one output, called `name`. */
  node(name: string, opType: string, inputs: readonly GraphValue[], options: NodeOptions = {}): GraphValue {
    this.#nodes.push({
      opType,
      domain: options.domain ?? "",
      inputs,
      outputs: [name],
      attributes: options.attributes ?? {},
    });
    return name as GraphValue;
  }

  /** Adds a node of several outputs; an empty name is an output nobody needs. */
  nodeOfMany<const Names extends readonly string[]>(
    names: Names,
    opType: string,
    inputs: readonly GraphValue[],
    options: NodeOptions = {},
  ): { readonly [Index in keyof Names]: GraphValue } {
    this.#nodes.push({
      opType,
      domain: options.domain ?? "",
      inputs,
      outputs: names,
      attributes: options.attributes ?? {},
    });
    return names as unknown as { readonly [Index in keyof Names]: GraphValue };
  }

  /**
   * Runs one of two branches, as the bool scalar `condition` says, and returns what it made. Each must make values of the
   * named outputs' types by nodes of its own.
   */
  either<const Names extends readonly string[]>(
    names: Names,
    condition: GraphValue,
    { whenTrue, whenFalse, types }: Branches,
  ): { readonly [Index in keyof Names]: GraphValue } {
    return this.nodeOfMany(names, "If", [condition], {
      attributes: { then_branch: this.#branch(whenTrue, types), else_branch: this.#branch(whenFalse, types) },
    });
  }

  #branch(make: () => readonly GraphValue[], types: readonly BranchOutput[]): Attribute {
    const around = this.#nodes;
    this.#nodes = [];
    const made = make();
    const nodes = this.#nodes;
    this.#nodes = around;
    const outputs = types.map(({ type, dims }, index) => ({ name: made[index] ?? "", type, dims }));
    return { kind: "graph", value: { nodes, outputs } };
  }

  encode(): Uint8Array {
    return encodeModel({
      inputs: this.#inputs,
      outputs: this.#outputs,
      initializers: this.#initializers,
      nodes: this.#nodes,
    });
  }
}
