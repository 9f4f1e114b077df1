// Validates an input file, a stretch at a time, so that each takes a bounded time and none is begun twice: the lines of a stretch and
// how far the file is validated are written together.
import type { BatchError } from "@sluice/shared/openai/batch.ts";
import { checkLine } from "./check-line.ts";
import type { BatchHead } from "./batch-head.ts";
import type { LinePlace } from "./line-book.ts";
import { splitLines } from "./split-lines.ts";

export interface InputBounds {
  readonly maxLines: number;
  readonly maxLineBytes: number;
}

/** How much of a file is validated at once, so that it takes less processor time than an object has for one turn. */
const stretchBytes = 8 * 1024 * 1024;
/** Of these a caller is told; after them nothing more is read. */
const maxErrors = 100;

export interface Stretch {
  readonly lines: readonly LinePlace[];
  readonly errors: readonly BatchError[];
  readonly model: string | undefined;
  /** From the file's beginning to the end of the stretch. */
  readonly checkedBytes: number;
  readonly checkedLines: number;
  /** Whether there is no need to read on. */
  readonly isLast: boolean;
}

type Progress = Pick<BatchHead, "endpoint" | "model" | "checkedBytes" | "checkedLines" | "errors" | "inputSizeBytes">;

/** Reads on from where the head says. `stream` begins there. A line that has another's custom id is found by who adds it. */
export async function validateStretch(
  stream: ReadableStream<Uint8Array>,
  head: Progress,
  bounds: InputBounds,
): Promise<Stretch> {
  const lines: LinePlace[] = [];
  const errors: BatchError[] = [...head.errors];
  let { model, checkedBytes, checkedLines } = head;
  const ended = (isLast: boolean): Stretch => ({ lines, errors, model, checkedBytes, checkedLines, isLast });
  const note = (error: Omit<BatchError, "line">) => errors.push({ ...error, line: checkedLines });
  for await (const { offset, bytes } of splitLines(stream, bounds.maxLineBytes)) {
    checkedLines += 1;
    if (checkedLines > bounds.maxLines) {
      note({ code: "request_limit_exceeded", message: `A batch may have ${bounds.maxLines} lines.`, param: null });
      return ended(true);
    }
    if (bytes === undefined) {
      note({ code: "line_too_long", message: `A line may have ${bounds.maxLineBytes} bytes.`, param: null });
      return ended(true);
    }
    checkedBytes = head.checkedBytes + offset + bytes.byteLength + 1;
    if (!isBlank(bytes)) {
      const line = checkLine(bytes, head.endpoint);
      if (line.kind === "faulty") note(line.fault);
      else if (model !== undefined && line.model !== model) note(mismatchedModel);
      else {
        model = line.model;
        const place = { offset: head.checkedBytes + offset, length: bytes.byteLength };
        lines.push({ number: checkedLines, customId: line.customId, ...place });
      }
    }
    if (errors.length >= maxErrors) return ended(true);
    if (checkedBytes - head.checkedBytes >= stretchBytes) return ended(checkedBytes >= head.inputSizeBytes);
  }
  return ended(true);
}

const mismatchedModel = {
  code: "mismatched_model",
  message: "All lines of a batch must ask for the same model.",
  param: "body.model",
};

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
