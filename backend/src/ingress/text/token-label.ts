import type { TokenBytes } from "@sluice/shared/token-bytes.ts";

/** A token as people read it. */
export interface TokenLabel {
  /** Bytes that are no whole character are written `\xf0`; a control token as the vocabulary spells it. */
  readonly text: string;
  /** Undefined for control tokens, and ids without a token: they stand for no text. */
  readonly bytes: Uint8Array | undefined;
  /** False when `text` holds escaped bytes. */
  readonly isWhole: boolean;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function labelToken(tokenId: number, tokenBytes: TokenBytes): TokenLabel {
  const bytes = tokenBytes.of(tokenId);
  if (bytes.length === 0) return { text: tokenBytes.spellingOf(tokenId), bytes: undefined, isWhole: true };
  const whole = decode(bytes);
  return { text: whole ?? escapeBrokenBytes(bytes), bytes, isWhole: whole !== undefined };
}

/** Whole characters as they are, every other byte escaped (Python's `errors="backslashreplace"`). */
function escapeBrokenBytes(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length;) {
    const lead = bytes[start] ?? 0;
    const length = characterLength(lead);
    const character = decode(bytes.subarray(start, start + length));
    text += character ?? `\\x${lead.toString(16).padStart(2, "0")}`;
    start += character === undefined ? 1 : length;
  }
  return text;
}

/** How many bytes a character takes that begins with `lead` (RFC 3629, section 3). */
function characterLength(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** Undefined when the bytes are not UTF-8. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
