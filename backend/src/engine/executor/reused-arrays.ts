/** Arrays kept by name from run to run; each only grows, so that steady steps allocate nothing large. */
export class ReusedArrays {
  readonly #int32 = new Map<string, Int32Array<ArrayBuffer>>();
  readonly #float32 = new Map<string, Float32Array<ArrayBuffer>>();

  /** `length` numbers of whatever content; valid until the next call with the same name. */
  int32(name: string, length: number): Int32Array<ArrayBuffer> {
    return reuse(this.#int32, name, length, (capacity) => new Int32Array(capacity));
  }

  float32(name: string, length: number): Float32Array<ArrayBuffer> {
    return reuse(this.#float32, name, length, (capacity) => new Float32Array(capacity));
  }
}

function reuse<T extends Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(
  kept: Map<string, T>,
  name: string,
  length: number,
  make: (capacity: number) => T,
): T {
  let array = kept.get(name);
  if (array === undefined || array.length < length) {
    array = make(2 ** Math.ceil(Math.log2(Math.max(1, length))));
    kept.set(name, array);
  }
  return array.subarray(0, length) as T;
}
