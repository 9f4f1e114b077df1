// Remembers one request under one idempotency key of one credential: a Durable Object named by both, so that of two retries
// that arrive together, anywhere, one runs.
//
// Who runs it is heard of again and again (`renew`). One that is not heard of for a lease was lost with its isolate, and the
// next who asks runs it anew: nobody waits longer than that for the dead.
import { DurableObject } from "cloudflare:workers";
import { waitAtMost } from "#edge/deadline.ts";
import { Shelf } from "#edge/storage/shelf.ts";
import { type Claim, type ClaimOutcome, decideClaim, type Run, runSchema, type StoredAnswer } from "./run.ts";

const headKey = "head";
const bodyName = "body";

/** How long an answer can be had again. */
const keepMs = 24 * 3_600_000;

/** Requests that wait for one that runs, none of which any limit has counted yet. */
const maxFollowers = 100;

export class IdempotencyStore extends DurableObject {
  readonly #shelf: Shelf;
  #run: Run | undefined;
  /** Settles when the request that runs has ended, whichever way. */
  #ended = Promise.withResolvers<void>();
  #numFollowers = 0;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    this.#shelf = new Shelf(state.storage.sql);
    const stored = state.storage.kv.get(headKey);
    this.#run = stored === undefined ? undefined : runSchema.parse(stored);
  }

  /** @param leaseMs when the caller, if it is the first, must be heard of again. */
  async claim(claim: Claim, leaseMs: number): Promise<ClaimOutcome> {
    const nowMs = Date.now();
    const state = decideClaim(this.#run, claim, nowMs);
    if (state.kind === "answered")
      return { kind: "answered", answer: { ...state.head, body: this.#shelf.getBytes(bodyName) } };
    if (state.kind === "first") {
      this.#keep({ ...claim, leasedUntilMs: nowMs + leaseMs });
      await this.ctx.storage.setAlarm(nowMs + keepMs);
    }
    return state;
  }

  /** As `claim`, for who found the request running; waits for its end, or that of its lease, for `waitMs` at most. */
  async claimAfterEnd(claim: Claim, leaseMs: number, waitMs: number): Promise<ClaimOutcome> {
    const nowMs = Date.now();
    const state = decideClaim(this.#run, claim, nowMs);
    if (state.kind !== "running") return this.claim(claim, leaseMs);
    if (this.#numFollowers >= maxFollowers) return { kind: "crowded" };
    this.#numFollowers += 1;
    try {
      await waitAtMost(Math.min(waitMs, state.leasedUntilMs - nowMs), this.#ended.promise, () => undefined);
    } finally {
      this.#numFollowers -= 1;
    }
    return this.claim(claim, leaseMs);
  }

  /** The request still runs. False when it has ended, or another has taken its place. */
  renew(requestId: string, leaseMs: number): boolean {
    if (this.#run?.requestId !== requestId || this.#run.end !== undefined) return false;
    this.#keep({ ...this.#run, leasedUntilMs: Date.now() + leaseMs });
    return true;
  }

  /** Keeps the answer of the request that runs. Does nothing when another has taken its place. */
  answer(requestId: string, { status, headers, body }: StoredAnswer): void {
    if (this.#run?.requestId !== requestId) return;
    // One turn of the event loop: all of it is stored or nothing.
    this.#shelf.putBytes(bodyName, body);
    this.#keep({ ...this.#run, end: { kind: "answered", status, headers } });
    this.#end();
  }

  /** The request that ran was answered, and its answer must or can not be kept: it never runs again. */
  dismiss(requestId: string): void {
    if (this.#run?.requestId !== requestId) return;
    this.#keep({ ...this.#run, end: { kind: "not_kept" } });
    this.#end();
  }

  /** The request that ran has failed: the next one runs anew. */
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
    this.ctx.storage.kv.put(headKey, run);
    this.#run = run;
  }

  #end(): void {
    this.#ended.resolve();
    this.#ended = Promise.withResolvers();
  }
}
