// Runs one batch: a Durable Object named by organization, project and batch, so that another tenant's id leads to an empty one.
//
// Turns are what a queue delivers (consume-turns.ts): it bounds how many batches work at once, spaces them out and tries again.
// The object's alarm is behind it: a turn that does not come, because a message or the whole queue was lost, is sent again. A
// message carries its turn's number, so that of two that bring the same turn one does nothing.
import { DurableObject } from "cloudflare:workers";
import type { Batch } from "@sluice/shared/openai/batch.ts";
import type { Bindings } from "#edge/bindings.ts";
import { buildParts, type Parts } from "#edge/parts.ts";
import { type BatchHead, hasEnded } from "./batch-head.ts";
import { BatchState } from "./batch-state.ts";
import type { BatchTurn } from "./batch-turn.ts";
import { workOn } from "./batch-work.ts";
import type { LineWorker } from "./line-worker.ts";

/** Of worker.ts, as the platform hands them to the Worker itself. */
interface OwnExports {
  readonly LineWorker: Fetcher<LineWorker>;
}

/** Between two looks at whether a turn was lost. */
const watchMs = 15_000;
/** Between two turns that failed, at most. */
const maxRestMs = 600_000;
/** A batch whose turns fail for so long after its window has failed itself. */
const giveUpMs = 24 * 3_600_000;

/** What there is for a request that would make the batch again. */
export type Existing =
  | { readonly kind: "existing"; readonly batch: Batch }
  /** Another request made it. */
  | { readonly kind: "conflict" };

export type Creation = { readonly kind: "created"; readonly batch: Batch } | Existing | { readonly kind: "too_many" };

export class BatchRunner extends DurableObject<Bindings> {
  #state: BatchState | undefined;
  #parts: Parts | undefined;
  /** While it is being made. */
  #creating: Promise<Creation> | undefined;
  /** While a turn works: since when. */
  #workingSinceMs: number | undefined;

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env);
    this.#state = BatchState.open(state.storage);
  }

  /** Of requests that come together one makes it. Rejects when it cannot be listed; there is no batch then. */
  async create(head: BatchHead): Promise<Creation> {
    while (this.#creating !== undefined) await Promise.allSettled([this.#creating]);
    const existing = this.find(head.requestHash);
    if (existing !== undefined) return existing;
    this.#creating = this.#create(head).finally(() => {
      this.#creating = undefined;
    });
    return this.#creating;
  }

  /** Undefined when there is no batch. */
  find(requestHash: string | undefined): Existing | undefined {
    const state = this.#state;
    if (state === undefined) return undefined;
    if (state.head.requestHash !== requestHash) return { kind: "conflict" };
    return { kind: "existing", batch: state.toWire() };
  }

  /** Undefined when there is none. */
  read(): Batch | undefined {
    return this.#state?.toWire();
  }

  /** Undefined when there is none. One that is about to end, or has, stays as it is. */
  async cancel(): Promise<Batch | undefined> {
    const state = this.#state;
    if (state === undefined) return undefined;
    const { status } = state.head;
    if (status === "validating" || status === "in_progress") {
      const { now } = await this.#getParts();
      state.patch({ status: "cancelling", cancellingAtMs: now() });
      // If none works now, the next may be far off.
      await this.#send(state, 0);
    }
    return state.toWire();
  }

  /** Does the turn of this number, if it is the next. Rejects when it failed: it is to be tried again. */
  async work(turn: number): Promise<void> {
    const parts = await this.#getParts();
    const state = this.#state;
    if (state === undefined || this.#workingSinceMs !== undefined || state.head.turn !== turn) return;
    this.#workingSinceMs = parts.now();
    const working = this.#work(state, parts).finally(() => {
      this.#workingSinceMs = undefined;
    });
    // The turn goes on when the consumer that brought it is gone.
    this.ctx.waitUntil(working.catch(() => undefined));
    await working;
  }

  override async alarm(): Promise<void> {
    const state = this.#state;
    if (state === undefined) return this.#forget();
    const { now, batchDirectory, config, log } = await this.#getParts();
    const { id, endedAtMs, turn } = state.head;
    // Before anything can fail: the platform gives up an alarm that failed a few times.
    await this.ctx.storage.setAlarm(now() + watchMs);
    if (endedAtMs !== undefined && now() >= endedAtMs + config.batches.retentionMs) {
      await batchDirectory.remove(id);
      return this.#forget();
    }
    if (this.#isWorking(now(), config.bounds.answerTimeoutMs)) return;
    log.info("turn of a batch sent again", { batchId: id, turn });
    await this.#send(state, 0);
  }

  async #create(head: BatchHead): Promise<Creation> {
    const { now, batchDirectory, config } = await this.#getParts();
    await this.ctx.storage.setAlarm(now() + watchMs);
    const state = BatchState.create(this.ctx.storage, head);
    try {
      if (!(await batchDirectory.begin(rowOf(state), config.batches.maxActive))) {
        await this.#forget();
        return { kind: "too_many" };
      }
    } catch (thrown) {
      // Its caller is told that there is none, and makes another.
      await this.#forget();
      throw thrown;
    }
    this.#state = state;
    await this.#send(state, 0);
    return { kind: "created", batch: state.toWire() };
  }

  async #work(state: BatchState, parts: Parts): Promise<void> {
    const { now, batchDirectory, config, log } = parts;
    const { turn, numFailures } = state.head;
    await this.ctx.storage.setAlarm(now() + watchMs);
    try {
      const { LineWorker: lines } = this.ctx.exports as unknown as OwnExports;
      const waitMs = await workOn({ state, parts, runLine: async (line) => lines.run(line) });
      await batchDirectory.put(rowOf(state));
      state.patch({ turn: turn + 1, numFailures: 0 });
      if (waitMs === undefined) {
        const { id, status, counts, caller } = state.head;
        log.info("batch", { batchId: id, status, ...counts, orgId: caller.orgId, projectId: caller.projectId });
        await this.ctx.storage.setAlarm(now() + config.batches.retentionMs);
        return;
      }
      await this.#send(state, waitMs);
      await this.ctx.storage.setAlarm(now() + waitMs + watchMs);
    } catch (thrown) {
      log.error("turn of a batch failed", { batchId: state.head.id, turn, errorDetail: String(thrown) });
      if (now() > state.head.expiresAtMs + giveUpMs) giveUp(state, now());
      state.patch({ numFailures: numFailures + 1 });
      await this.ctx.storage.setAlarm(now() + Math.min(maxRestMs, watchMs * 2 ** Math.min(numFailures, 10)));
      throw thrown;
    }
  }

  /** One that has worked for longer than any can was lost. */
  #isWorking(nowMs: number, answerTimeoutMs: number): boolean {
    if (this.#workingSinceMs === undefined) return false;
    if (nowMs - this.#workingSinceMs < 2 * answerTimeoutMs) return true;
    this.#workingSinceMs = undefined;
    return false;
  }

  /** Never rejects: a turn that the queue does not take is lost, which the alarm sees. */
  async #send({ head }: BatchState, waitMs: number): Promise<void> {
    const { orgId, projectId } = head.caller;
    const turn: BatchTurn = { orgId, projectId, batchId: head.id, turn: head.turn };
    try {
      await this.env.BATCH_QUEUE.send(turn, { delaySeconds: Math.ceil(waitMs / 1000) });
    } catch (thrown) {
      const { log } = await this.#getParts();
      log.error("turn of a batch not queued", { ...turn, errorDetail: String(thrown) });
    }
  }

  async #forget(): Promise<void> {
    this.#state = undefined;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  async #getParts(): Promise<Parts> {
    return (this.#parts ??= await buildParts(this.env));
  }
}

function giveUp(state: BatchState, nowMs: number): void {
  const error = { code: "server_error", message: "The batch could not be ended.", param: null, line: null };
  const counts = state.book.counts();
  state.patch({ status: "failed", endedAtMs: nowMs, errors: [error], counts });
}

function rowOf(state: BatchState) {
  const { caller, createdAtMs } = state.head;
  const { orgId, projectId } = caller;
  return { orgId, projectId, createdAtMs, isActive: !hasEnded(state.head), batch: state.toWire() };
}
