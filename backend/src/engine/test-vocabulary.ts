// A vocabulary for tests, of the fake executor's size, whose tokens are mostly pieces of characters.
const pieces: readonly (readonly number[])[] = [
  ...[0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf].map((byte) => [byte]),
  ...[0xc2, 0xdf, 0xe0, 0xe6, 0xed, 0xef, 0xf0, 0xf2, 0xf4].map((byte) => [byte]),
  // Of no character at all.
  ...[0xc0, 0xc1, 0xf5, 0xff].map((byte) => [byte]),
  [0x61, 0xe6, 0x97],
  [0xa5, 0x62],
  [0x97, 0xa5, 0xe6],
  [0xf0, 0x9f, 0xa6],
  [0xed, 0xa0, 0x80],
];

/** Token 0 has no bytes, as those that end an output; from 80 on they are letters. */
export const pieceBytes: readonly Uint8Array[] = Array.from({ length: 97 }, (_, id) => {
  if (id === 0) return new Uint8Array(0);
  return Uint8Array.from(id < 80 ? (pieces[id % pieces.length] ?? []) : [0x61 + (id % 26)]);
});

/** The text of tokens; the beginning of a character at its end is left out. @throws when the bytes are none. */
export function pieceText(tokenIds: readonly number[]): string {
  const bytes = tokenIds.flatMap((id) => [...(pieceBytes[id] ?? [])]);
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes), { stream: true });
}
