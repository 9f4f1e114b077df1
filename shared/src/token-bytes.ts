// The bytes each token id stands for. A token is a piece of a byte string, not of a text: one character may take several
// tokens, so only bytes can be joined safely.
//
// Source: huggingface/tokenizers, decoders/byte_fallback.rs and pre_tokenizers/byte_level.rs (`bytes_char`, after GPT-2's
// `bytes_to_unicode`).

/** How a vocabulary spells bytes. */
export type TokenSpelling = "byte-level" | "byte-fallback";

const encoder = new TextEncoder();
const noBytes = new Uint8Array(0);

/** Reads the spelling from the `decoder` of a tokenizer.json. Throws when it is neither of the two. */
export function tokenSpelling(decoder: unknown): TokenSpelling {
  const kinds = decoderKinds(decoder);
  if (kinds.includes("ByteLevel")) return "byte-level";
  if (kinds.includes("ByteFallback")) return "byte-fallback";
  throw new Error(`tokenizer.json: decoder ${kinds.join(", ") || "missing"} is neither ByteLevel nor ByteFallback`);
}

function decoderKinds(decoder: unknown): string[] {
  if (typeof decoder !== "object" || decoder === null) return [];
  if ("decoders" in decoder && Array.isArray(decoder.decoders)) return decoder.decoders.flatMap(decoderKinds);
  return "type" in decoder ? [String(decoder.type)] : [];
}

/** The bytes of one token as the vocabulary spells it. */
function tokenBytes(token: string, spelling: TokenSpelling): Uint8Array {
  return spelling === "byte-level" ? byteLevelBytes(token) : byteFallbackBytes(token);
}

/** A token with a character outside the alphabet is an added one, spelled as plain text. */
function byteLevelBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = byteOfCharCode.get(token.charCodeAt(i));
    if (byte === undefined) return encoder.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}

function byteFallbackBytes(token: string): Uint8Array {
  const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  return hex === undefined ? encoder.encode(token.replaceAll("▁", " ")) : Uint8Array.of(Number.parseInt(hex, 16));
}

/**
 * char code -> byte. Printable bytes stand for themselves; the other 68 are moved to 256 and up, in order, so that no
 * token contains a space or a control character.
 */
const byteOfCharCode: ReadonlyMap<number, number> = (() => {
  const map = new Map<number, number>();
  let numMoved = 0;
  for (let byte = 0; byte < 256; byte++) map.set(isPrintable(byte) ? byte : 256 + numMoved++, byte);
  return map;
})();

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/**
 * Special tokens that models write to mark calls and thoughts: they are part of what an output says, and a grammar can ask for
 * them. All other special tokens are between model and template.
 */
const writtenTokens: ReadonlySet<string> = new Set([
  "<tool_call>",
  "</tool_call>",
  "[TOOL_CALLS]",
  "[CALL_ID]",
  "[ARGS]",
  "<|python_tag|>",
  "<think>",
  "</think>",
  "[THINK]",
  "[/THINK]",
]);

/** token id -> bytes, spelled once and kept. Special tokens but the written ones, and ids without a token, have none. */
export class TokenBytes {
  readonly #tokenOf: (id: number) => string | null;
  readonly #spelling: TokenSpelling;
  readonly #specialIds: ReadonlySet<number>;
  readonly #bytes: (Uint8Array | undefined)[] = [];

  constructor(tokenOf: (id: number) => string | null, spelling: TokenSpelling, specialIds: ReadonlySet<number>) {
    this.#tokenOf = tokenOf;
    this.#spelling = spelling;
    this.#specialIds = specialIds;
  }

  of(id: number): Uint8Array {
    const known = this.#bytes[id];
    if (known !== undefined) return known;
    const token = this.#tokenOf(id);
    const isSilent = token === null || (this.#specialIds.has(id) && !writtenTokens.has(token));
    const bytes = isSilent ? noBytes : tokenBytes(token, this.#spelling);
    this.#bytes[id] = bytes;
    return bytes;
  }

  /** The token as the vocabulary spells it; empty when the id has none. */
  spellingOf(id: number): string {
    return this.#tokenOf(id) ?? "";
  }
}
