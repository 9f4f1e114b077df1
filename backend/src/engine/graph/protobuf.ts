// The few protobuf wire types that ONNX needs, written by hand: a message is a list of byte pieces, a nested message is
// those pieces behind a tag and a length. Source: protobuf.dev, "Encoding".

const wireVarint = 0;
const wireBytes = 2;
const wireFixed32 = 5;

const utf8 = new TextEncoder();

/** One message under construction. Fields are appended in call order; repeated fields by repeated calls. */
export class ProtoMessage {
  readonly #pieces: Uint8Array[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** `value` is a whole number of at most 2^53 - 1; a negative one takes ten bytes, as int64 does. */
  int(field: number, value: number): this {
    this.#push(encodeVarint(tag(field, wireVarint)));
    return this.#push(encodeVarint(BigInt.asUintN(64, BigInt(value))));
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.#push(encodeVarint(tag(field, wireFixed32)));
    return this.#push(bytes);
  }

  string(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  /** Keeps a reference to `value`; it must not change before `encode`. */
  bytes(field: number, value: Uint8Array): this {
    this.#pushLength(field, value.byteLength);
    return this.#push(value);
  }

  message(field: number, value: ProtoMessage): this {
    this.#pushLength(field, value.#sizeBytes);
    for (const piece of value.#pieces) this.#push(piece);
    return this;
  }

  encode(): Uint8Array {
    const encoded = new Uint8Array(this.#sizeBytes);
    let offset = 0;
    for (const piece of this.#pieces) {
      encoded.set(piece, offset);
      offset += piece.byteLength;
    }
    return encoded;
  }

  #pushLength(field: number, length: number): void {
    this.#push(encodeVarint(tag(field, wireBytes)));
    this.#push(encodeVarint(BigInt(length)));
  }

  #push(piece: Uint8Array): this {
    this.#pieces.push(piece);
    this.#sizeBytes += piece.byteLength;
    return this;
  }
}

function tag(field: number, wireType: number): bigint {
  return BigInt(field * 8 + wireType);
}

function encodeVarint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
