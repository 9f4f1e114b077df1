// The last part of a batch's work: its result files.
import type { Parts } from "#edge/parts.ts";
import { newFileId } from "#edge/files/file-record.ts";
import { lineIdOf } from "./batch-id.ts";
import type { BatchHead, Unrun } from "./batch-head.ts";
import type { BatchState } from "./batch-state.ts";
import type { LineResult } from "./line-book.ts";

export const batchExpired: Unrun = {
  code: "batch_expired",
  message: "This request could not be executed before the completion window expired.",
  isFailure: false,
};

export const batchCancelled: Unrun = {
  code: "batch_cancelled",
  message: "This batch was cancelled before this request was executed.",
  isFailure: false,
};

/** How long the writing of a file may take; what is left of one that took longer is swept. */
const writingMs = 3_600_000;

/** Writes the files that are not there yet, and ends the batch. */
export async function writeResults(state: BatchState, parts: Parts): Promise<void> {
  const { total, completed, failed } = state.book.counts();
  if (completed > 0 && state.head.outputFileId === undefined) {
    const outputFileId = await writeFile(state, "good", "output", parts);
    state.patch({ outputFileId, draftFileId: undefined });
  }
  if (completed < total && state.head.errorFileId === undefined) {
    const errorFileId = await writeFile(state, "other", "error", parts);
    state.patch({ errorFileId, draftFileId: undefined });
  }
  const { unrun } = state.head;
  const numFailed = unrun?.isFailure === true ? total - completed : failed;
  state.together(() => {
    state.patch({
      status: lastStatusOf(state.head),
      endedAtMs: parts.now(),
      counts: { total, completed, failed: numFailed },
    });
    state.book.clear();
  });
}

function lastStatusOf({ status, unrun }: BatchHead): BatchHead["status"] {
  if (status === "cancelling") return "cancelled";
  return unrun?.code === batchExpired.code ? "expired" : "completed";
}

/** The file's id. One that was complete when the object was lost is found again, and not written twice. */
async function writeFile(state: BatchState, kind: "good" | "other", name: string, parts: Parts): Promise<string> {
  const { files, sweeps, entropy, now } = parts;
  const { id: batchId, caller, draftFileId, outputLifetimeMs } = state.head;
  const { orgId, projectId } = caller;
  if (draftFileId !== undefined && (await files.directory.find(projectId, draftFileId, now()))) return draftFileId;
  const id = newFileId(entropy);
  state.patch({ draftFileId: id });
  await sweeps.expect(now() + writingMs);
  // Results are kept whatever the organization's files take together; they count when it uploads more.
  const file = { id, orgId, projectId, purpose: "batch_output", reservedBytes: 0, uploadMs: writingMs } as const;
  const upload = await files.begin(file, Number.MAX_SAFE_INTEGER);
  if (upload === undefined) throw new Error("there is no room for results");
  try {
    const encoder = new TextEncoder();
    for (const result of state.book.results(kind))
      await upload.write(encoder.encode(`${lineOf(result, state.head)}\n`));
    await upload.commit({ filename: `${batchId}_${name}.jsonl`, lifetimeMs: outputLifetimeMs });
    return id;
  } catch (thrown) {
    await upload.abandon();
    throw thrown;
  }
}

function lineOf({ number, customId, text }: LineResult, { id, unrun }: BatchHead): string {
  if (text !== undefined) return text;
  if (unrun === undefined) throw new Error("a line was neither answered nor given up");
  const { code, message } = unrun;
  return JSON.stringify({ id: lineIdOf(id, number), custom_id: customId, response: null, error: { code, message } });
}
