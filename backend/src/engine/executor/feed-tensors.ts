import { Tensor } from "onnxruntime-node";

/** Input name -> tensor. */
export type Feeds = Readonly<Record<string, Tensor>>;

type Numbers = Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/**
 * A run's feeds, kept by name from run to run: a steady step, whose shapes are those of the last one, writes into the same memory and
 * makes no tensor. Memory only grows.
 */
export class FeedTensors {
  readonly #feeds: Record<string, Tensor> = {};
  // name -> all the memory that its tensors have had a part of
  readonly #memory = new Map<string, Numbers>();
  // name -> the part that its tensor has now
  readonly #numbers = new Map<string, Numbers>();

  /** Valid until one of them is written again. */
  get feeds(): Feeds {
    return this.#feeds;
  }

  /** The numbers of an int32 tensor of these dimensions, of whatever content. */
  int32(name: string, dims: readonly number[]): Int32Array {
    return this.#numbersOf(name, dims, 1, Int32Array, (numbers) => new Tensor("int32", numbers, dims));
  }

  float32(name: string, dims: readonly number[]): Float32Array {
    return this.#numbersOf(name, dims, 1, Float32Array, (numbers) => new Tensor("float32", numbers, dims));
  }

  /** The words of an int64 tensor, of each number the low one first. */
  int64Words(name: string, dims: readonly number[]): Int32Array {
    return this.#numbersOf(name, dims, 2, Int32Array, ({ buffer, byteOffset, length }) => {
      return new Tensor("int64", new BigInt64Array(buffer, byteOffset, length / 2), dims);
    });
  }

  bool(name: string, value: boolean): void {
    const kept = this.#feeds[name];
    if (kept === undefined) this.#feeds[name] = new Tensor("bool", [value], []);
    else kept.data[0] = Number(value);
  }

  /** A tensor of the same int32 numbers as `source`, in other dimensions. */
  reshaped(name: string, source: string, dims: readonly number[]): void {
    const numbers = this.#numbers.get(source);
    if (!(numbers instanceof Int32Array)) throw new TypeError(`no int32 feed ${source}`);
    if (this.#feeds[name]?.data !== numbers) this.#feeds[name] = new Tensor("int32", numbers, dims);
  }

  set(name: string, tensor: Tensor): void {
    this.#feeds[name] = tensor;
  }

  #numbersOf<T extends Numbers>(
    name: string,
    dims: readonly number[],
    numbersEach: number,
    type: new (length: number) => T,
    toTensor: (numbers: T) => Tensor,
  ): T {
    const kept = this.#numbers.get(name) as T | undefined;
    if (kept !== undefined && areEqual(this.#feeds[name]?.dims, dims)) return kept;
    const length = dims.reduce((product, dim) => product * dim, numbersEach);
    let memory = this.#memory.get(name) as T | undefined;
    if (memory === undefined || memory.length < length) {
      memory = new type(2 ** Math.ceil(Math.log2(Math.max(1, length))));
      this.#memory.set(name, memory);
    }
    const numbers = memory.subarray(0, length) as T;
    this.#numbers.set(name, numbers);
    this.#feeds[name] = toTensor(numbers);
    return numbers;
  }
}

function areEqual(a: readonly number[] | undefined, b: readonly number[]): boolean {
  return a?.length === b.length && a.every((dim, index) => dim === b[index]);
}
