// The part of a batch's work that reads its input file.
import type { BatchError } from "@sluice/shared/openai/batch.ts";
import type { Parts } from "#edge/parts.ts";
import type { BatchState } from "./batch-state.ts";
import { validateStretch } from "./validate-input.ts";

/** Beside its body, a line has a custom id, a method and a url. */
const maxLineOverheadBytes = 4_096;

/** Validates a stretch of the input file, and after its last begins the batch or fails it. */
export async function validateBatch(state: BatchState, { files, config, now }: Parts): Promise<void> {
  const { caller, inputFileId, checkedBytes } = state.head;
  const range = { offset: checkedBytes };
  const object = await files.read({ projectId: caller.projectId, id: inputFileId }, range);
  if (object === undefined) return fail(state, [inputGone], now());
  const maxLineBytes = config.bounds.maxBodyBytes + maxLineOverheadBytes;
  const stretch = await validateStretch(object.body, state.head, { maxLines: config.batches.maxLines, maxLineBytes });
  // Cancelled meanwhile.
  if (state.head.status !== "validating") return;
  const { lines, checkedBytes: reachedBytes, checkedLines, model } = stretch;
  state.together(() => {
    const errors = [...stretch.errors];
    for (const line of lines) if (!state.book.add(line)) errors.push(duplicate(line.number));
    state.patch({ errors: errors.toSorted(byLine), checkedBytes: reachedBytes, checkedLines, model });
  });
  if (!stretch.isLast) return;
  const { errors } = state.head;
  if (errors.length > 0) fail(state, errors, now());
  else if (state.book.counts().total === 0) fail(state, [emptyFile], now());
  else state.patch({ status: "in_progress", inProgressAtMs: now() });
}

function fail(state: BatchState, errors: BatchError[], nowMs: number): void {
  state.book.clear();
  state.patch({ status: "failed", endedAtMs: nowMs, errors, counts: { total: 0, completed: 0, failed: 0 } });
}

const byLine = (one: BatchError, other: BatchError): number => (one.line ?? 0) - (other.line ?? 0);

function duplicate(line: number): BatchError {
  const message = "The custom_id of this line is that of an earlier one.";
  return { code: "duplicate_custom_id", message, param: "custom_id", line };
}

const inputGone = {
  code: "invalid_input_file",
  message: "The input file is gone.",
  param: "input_file_id",
  line: null,
};
const emptyFile = { code: "empty_file", message: "The input file has no lines.", param: "input_file_id", line: null };
