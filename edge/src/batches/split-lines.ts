// Cuts a stream of bytes into lines, of which one is in memory at a time.
import { joinChunks } from "#edge/body/join-chunks.ts";

const lineFeed = 0x0a;

export interface Line {
  /** Of its first byte, within the stream. */
  readonly offset: number;
  /** Without its line feed. Undefined: it is longer than lines may be, and nothing after it is read. */
  readonly bytes: Uint8Array | undefined;
}

/** The last line need not end in a line feed. A stream that is left early is cancelled. */
export async function* splitLines(stream: ReadableStream<Uint8Array>, maxLineBytes: number): AsyncGenerator<Line> {
  let offset = 0;
  let pending: Uint8Array[] = [];
  let numPendingBytes = 0;
  const take = (last: Uint8Array): Uint8Array | undefined => {
    const sizeBytes = numPendingBytes + last.byteLength;
    const bytes = sizeBytes > maxLineBytes ? undefined : joinChunks([...pending, last], sizeBytes);
    pending = [];
    numPendingBytes = 0;
    return bytes;
  };
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      const bytes = take(chunk.subarray(start, end));
      yield { offset, bytes };
      if (bytes === undefined) return;
      offset += bytes.byteLength + 1;
      start = end + 1;
    }
    pending.push(chunk.subarray(start));
    numPendingBytes += chunk.byteLength - start;
    if (numPendingBytes > maxLineBytes) {
      yield { offset, bytes: undefined };
      return;
    }
  }
  if (numPendingBytes > 0) yield { offset, bytes: take(new Uint8Array()) };
}
