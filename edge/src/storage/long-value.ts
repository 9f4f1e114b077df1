// A value that may be longer than the platform takes under one key: its JSON, in as many pieces as it needs, under the key and behind
// it. They are written in one turn of the event loop, so all of them are stored or none.

/** Two megabytes are the most under a key, and a character of a piece takes at most two bytes. */
const maxPieceLength = 512 * 1024;

export function putLong(kv: SyncKvStorage, key: string, value: unknown): void {
  const text = JSON.stringify(value);
  let numPieces = 0;
  for (; numPieces * maxPieceLength < text.length; numPieces += 1) {
    const from = numPieces * maxPieceLength;
    kv.put(pieceKey(key, numPieces), text.slice(from, from + maxPieceLength));
  }
  // Of a longer one before.
  while (kv.delete(pieceKey(key, numPieces))) numPieces += 1;
}

/** Absent when nothing was put. */
export function getLong(kv: SyncKvStorage, key: string): unknown {
  const first = kv.get(key);
  // One that was kept before values were taken to pieces is whole.
  if (typeof first !== "string") return first;
  let text = first;
  for (let index = 1; ; index += 1) {
    const piece = kv.get<string>(pieceKey(key, index));
    if (piece === undefined) return JSON.parse(text);
    text += piece;
  }
}

function pieceKey(key: string, index: number): string {
  return index === 0 ? key : `${key}/${index}`;
}
