// The part of a batch's work that asks regions.
import { AppError } from "@sluice/shared/errors.ts";
import { placeOf } from "#edge/auth/leased/place.ts";
import { parseJsonObject } from "#edge/body/parse-json-object.ts";
import { charge, type Settlement } from "#edge/ledger/settlement.ts";
import type { Parts } from "#edge/parts.ts";
import { newRequestId } from "#edge/request-id.ts";
import { batchLineSchema } from "@sluice/shared/openai/batch-request.ts";
import type { BatchCaller, BatchHead, Unrun } from "./batch-head.ts";
import type { BatchState } from "./batch-state.ts";
import { lineIdOf } from "./batch-id.ts";
import { judgeResponse } from "./judge-response.ts";
import type { PendingLine } from "./line-book.ts";
import type { LineRequest, LineResponse } from "./line-runner.ts";
import { type LineOutcome, runLines } from "./run-lines.ts";
import { addUsage } from "./usage-sum.ts";

/** Between two tries of a line that failed; doubled each time. */
const firstRetryMs = 2_000;
const maxRetryMs = 120_000;

/** An object's database holds 10 GB. */
const outputFull: Unrun = {
  code: "output_limit_exceeded",
  message: "The answers of this batch take as much together as they may.",
  isFailure: true,
};

export interface BatchWork {
  readonly state: BatchState;
  readonly parts: Parts;
  readonly runLine: (line: LineRequest) => Promise<LineResponse>;
}

/** Runs lines for one turn. Returns in how many milliseconds the next may run; undefined when none is left, or none is to run any more. */
export async function runBatch(run: BatchWork): Promise<number | undefined> {
  const { state, parts } = run;
  const { now, config } = parts;
  const isOver = () => isRunOver(state.head, now());
  await recover(run);
  if (isOver()) return undefined;
  const waitMs = await runLines({
    book: state.book,
    run: async (line) => runLine(line, run),
    maxParallelLines: config.batches.maxParallelLines,
    endsAtMs: now() + config.batches.turnMs,
    isOver,
    now,
  });
  return isOver() ? undefined : waitMs;
}

function isRunOver({ status, unrun, expiresAtMs }: BatchHead, nowMs: number): boolean {
  return status === "cancelling" || unrun !== undefined || nowMs >= expiresAtMs;
}

/**
 * After the object was lost: what was answered is charged, which twice is once; what ran is given back at its gate and runs again,
 * since its answer went nowhere.
 */
async function recover({ state, parts }: BatchWork): Promise<void> {
  for (const { number, settlement } of state.book.uncharged()) {
    await pay(settlement, parts);
    state.book.noteCharged(number);
  }
  for (const { number, requestId } of state.book.running()) {
    await pay(nothingFor(requestId, state.head.caller), parts);
    state.book.release(number, { dueMs: 0, isTry: false });
  }
}

/** Of a request that nobody gets an answer of: whatever it reserved is given back. */
function nothingFor(requestId: string, { keyId, place }: BatchCaller): Settlement {
  return { requestId, keyId, place: placeOf({ cf: place }), isLeased: true, totalTokens: 0 };
}

async function runLine(line: PendingLine, run: BatchWork): Promise<LineOutcome> {
  const { state, parts } = run;
  const { number, numTries } = line;
  const requestId = newRequestId(parts.entropy);
  state.book.begin(number, requestId);
  const response = await askFor(line, requestId, run);
  if (response === undefined) {
    state.book.release(number, { dueMs: 0, isTry: false });
    return { kind: "ended" };
  }
  const verdict = judgeResponse(response);
  const isLastTry = numTries + 1 >= parts.config.batches.maxTries;
  switch (verdict.kind) {
    case "wait":
      await giveBack(response.settlement, parts);
      state.book.release(number, { dueMs: 0, isTry: false });
      return { kind: "wait", afterMs: verdict.afterMs };
    case "refused":
      state.patch({ unrun: { code: verdict.code, message: verdict.message, isFailure: true } });
      await giveBack(response.settlement, parts);
      state.book.release(number, { dueMs: 0, isTry: false });
      return { kind: "ended" };
    case "retry":
      if (isLastTry) return keep(line, requestId, response, false, run);
      await giveBack(response.settlement, parts);
      state.book.release(number, {
        dueMs: parts.now() + Math.min(maxRetryMs, firstRetryMs * 2 ** numTries),
        isTry: true,
      });
      return { kind: "ended" };
    case "stands":
      return keep(line, requestId, response, verdict.isGood, run);
  }
}

/** Undefined when there is nothing to ask with: the input file is gone, and so all lines that are left. */
async function askFor(
  { offset, length }: PendingLine,
  requestId: string,
  { state, parts, runLine: run }: BatchWork,
): Promise<LineResponse | undefined> {
  const { caller, endpoint, inputFileId } = state.head;
  try {
    const object = await parts.files.read({ projectId: caller.projectId, id: inputFileId }, { offset, length });
    if (object === undefined) {
      const message = "The input file was deleted before this request was run.";
      state.patch({ unrun: { code: "input_file_deleted", message, isFailure: true } });
      return undefined;
    }
    const { body } = batchLineSchema.parse(parseJsonObject(new Uint8Array(await object.arrayBuffer())));
    const bytes = new Uint8Array(new TextEncoder().encode(JSON.stringify(body)));
    return await run({ requestId, endpoint, body: bytes, caller });
  } catch (thrown) {
    const error = AppError.from(thrown);
    parts.log.error("line of a batch failed", { batchId: state.head.id, requestId, errorDetail: error.message });
    const body = { error: error.toErrorObject() };
    const settlement = nothingFor(requestId, caller);
    return { status: error.httpStatus, body, retryAfterMs: error.retryAfterMs, settlement };
  }
}

/** The answer and what it is charged are written together, and charged afterwards. */
async function keep(
  { number, customId }: PendingLine,
  requestId: string,
  { status, body, settlement }: LineResponse,
  isGood: boolean,
  { state, parts }: BatchWork,
): Promise<LineOutcome> {
  const text = JSON.stringify({
    id: lineIdOf(state.head.id, number),
    custom_id: customId,
    response: { status_code: status, request_id: requestId, body },
    error: null,
  });
  state.together(() => {
    const outputBytes = state.head.outputBytes + state.book.answer(number, { isGood, text, settlement });
    const isFull = outputBytes > parts.config.batches.maxOutputBytes;
    const unrun = state.head.unrun ?? (isFull ? outputFull : undefined);
    state.patch({ outputBytes, unrun, usage: addUsage(state.head.usage, body) });
  });
  if (settlement !== undefined) await pay(settlement, parts);
  state.book.noteCharged(number);
  return { kind: "ended" };
}

/** What was computed for an answer that nobody gets is charged to nobody. */
async function giveBack(settlement: Settlement | undefined, parts: Parts): Promise<void> {
  if (settlement === undefined) return;
  const { entry: _, ...unpaid } = settlement;
  await pay({ ...unpaid, totalTokens: 0 }, parts);
}

async function pay(settlement: Settlement, { gates, usageOutbox: outbox, log }: Parts): Promise<void> {
  await charge(settlement, { gates, outbox, log });
}
