// Remembers one request under one idempotency key of one credential: a Durable Object named by both, so that of two retries
// that arrive together, anywhere, one runs.
import { DurableObject } from "cloudflare:workers";
import { waitAtMost } from "#edge/deadline.ts";
import { type Claim, type ClaimOutcome, decideClaim, type Run, runSchema, type StoredAnswer } from "./run.ts";

const runKey = "run";

/** How long an answer can be had again. */
const keepMs = 24 * 3_600_000;

/** Who waits for a running request asks again after this. */
const waitMs = 20_000;

export class IdempotencyStore extends DurableObject {
  #run: Run | undefined;
  /** Settles when the request that runs has ended, whichever way. */
  #ended = Promise.withResolvers<void>();

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    const stored = state.storage.kv.get(runKey);
    this.#run = stored === undefined ? undefined : runSchema.parse(stored);
  }

  /** @param leaseMs how long the caller may take, if it is the first. */
  async claim(claim: Claim, leaseMs: number): Promise<ClaimOutcome> {
    const nowMs = Date.now();
    const outcome = decideClaim(this.#run, claim, nowMs);
    if (outcome.kind === "first") {
      this.#keep({ ...claim, leasedUntilMs: nowMs + leaseMs });
      await this.ctx.storage.setAlarm(nowMs + keepMs);
    }
    return outcome;
  }

  /** As `claim`, for who found the request running; waits a while for its end. */
  async claimAfterEnd(claim: Claim, leaseMs: number): Promise<ClaimOutcome> {
    if (decideClaim(this.#run, claim, Date.now()).kind === "running") {
      await waitAtMost(waitMs, this.#ended.promise, () => undefined);
    }
    return this.claim(claim, leaseMs);
  }

  /** Keeps the answer of the request that runs. Does nothing when another has taken its place. */
  answer(requestId: string, answer: StoredAnswer): void {
    if (this.#run?.requestId === requestId) this.#keep({ ...this.#run, answer });
    this.#end();
  }

  /** The request that ran has no answer to keep: the next one runs anew. */
  async abandon(requestId: string): Promise<void> {
    if (this.#run?.requestId !== requestId) return;
    this.#run = undefined;
    await this.ctx.storage.deleteAll();
    this.#end();
  }

  override async alarm(): Promise<void> {
    this.#run = undefined;
    await this.ctx.storage.deleteAll();
  }

  #keep(run: Run): void {
    this.ctx.storage.kv.put(runKey, run);
    this.#run = run;
  }

  #end(): void {
    this.#ended.resolve();
    this.#ended = Promise.withResolvers();
  }
}
