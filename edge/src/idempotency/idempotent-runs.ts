import { AppError } from "@sluice/shared/errors.ts";
import { sha256Base64Url } from "@sluice/shared/passport.ts";
import type { Clock } from "#edge/clock.ts";
import { answerWithin, waitAtMost } from "#edge/deadline.ts";
import type { IdempotencyStore } from "./idempotency-store.ts";
import type { Claim, ClaimOutcome, StoredAnswer } from "./run.ts";

/** One use of an idempotency key, seen from a Worker. What asks the store throws `unavailable` when it does not answer. */
export interface IdempotentRun {
  /** What becomes of the request; waits for one of the same key and content that runs. */
  readonly claim: () => Promise<Exclude<ClaimOutcome, { kind: "running" | "crowded" }>>;
  /** Says that the request runs, until `over` settles. Never rejects: a word that is lost is followed by others. */
  readonly renewUntil: (over: Promise<void>) => Promise<void>;
  readonly answer: (answer: StoredAnswer) => Promise<void>;
  readonly dismiss: () => Promise<void>;
  readonly abandon: () => Promise<void>;
}

export interface RunQuestion {
  readonly keyId: string;
  readonly idempotencyKey: string;
  readonly path: string;
  /** Of the request's body. */
  readonly bodyHash: string;
  readonly requestId: string;
}

export interface IdempotencyPolicy {
  /** A run that was not heard of for so long was lost. */
  readonly leaseMs: number;
  /** Longest that a retry waits for the request that runs. */
  readonly maxWaitMs: number;
  /** Of an answer's body; a larger one is not kept. */
  readonly maxAnswerBytes: number;
  /** Longest wait for a store. */
  readonly timeoutMs: number;
}

/** Words that may be lost before a run is given up. */
const wordsPerLease = 3;

/** Longest that one question waits at the store, so that a broken connection is noticed. */
const maxQuestionMs = 20_000;

const retryAfterMs = 1_000;

export class IdempotentRuns {
  readonly #namespace: DurableObjectNamespace<IdempotencyStore>;
  readonly #policy: IdempotencyPolicy;
  readonly #now: Clock;

  constructor(namespace: DurableObjectNamespace<IdempotencyStore>, policy: IdempotencyPolicy, now: Clock) {
    this.#namespace = namespace;
    this.#policy = policy;
    this.#now = now;
  }

  get maxAnswerBytes(): number {
    return this.#policy.maxAnswerBytes;
  }

  async open({ keyId, idempotencyKey, path, bodyHash, requestId }: RunQuestion): Promise<IdempotentRun> {
    const store = this.#namespace.getByName(await hash(JSON.stringify([keyId, idempotencyKey])));
    const claim: Claim = { requestHash: await hash(JSON.stringify([path, bodyHash])), requestId };
    return {
      claim: async () => this.#claim(store, claim),
      renewUntil: async (over) => this.#renewUntil(over, store, requestId),
      answer: async (answer) => this.#ask(store.answer(requestId, answer)),
      dismiss: async () => this.#ask(store.dismiss(requestId)),
      abandon: async () => this.#ask(store.abandon(requestId)),
    };
  }

  async #claim(store: DurableObjectStub<IdempotencyStore>, claim: Claim) {
    const { leaseMs, maxWaitMs } = this.#policy;
    const untilMs = this.#now() + maxWaitMs;
    let outcome = await this.#ask<ClaimOutcome>(store.claim(claim, leaseMs));
    while (outcome.kind === "running") {
      const waitMs = Math.min(maxQuestionMs, untilMs - this.#now());
      if (waitMs <= 0) throw new AppError("deadline_exceeded", { publicText: stillRuns, retryAfterMs });
      outcome = await this.#ask<ClaimOutcome>(store.claimAfterEnd(claim, leaseMs, waitMs), waitMs);
    }
    if (outcome.kind === "crowded")
      throw new AppError("server_is_overloaded", { publicText: tooManyWait, retryAfterMs });
    return outcome;
  }

  async #renewUntil(over: Promise<void>, store: DurableObjectStub<IdempotencyStore>, requestId: string) {
    const { leaseMs } = this.#policy;
    const isOver = over.then(() => true);
    while (!(await waitAtMost(leaseMs / wordsPerLease, isOver, () => false))) {
      const isHeld = await this.#ask(store.renew(requestId, leaseMs)).catch(() => true);
      if (!isHeld) return;
    }
  }

  /** @param extraMs for which the store may be silent beside. */
  async #ask<Value>(answer: Promise<Value>, extraMs = 0): Promise<Value> {
    return answerWithin(this.#policy.timeoutMs + extraMs, answer, unanswered);
  }
}

const tooManyWait = "Too many requests wait for the one under this Idempotency-Key.";
const stillRuns = "The request under this Idempotency-Key still runs. Ask again later.";

function unanswered(cause?: unknown): AppError {
  const publicText = "The Idempotency-Key cannot be looked up at the moment.";
  return new AppError("unavailable", {
    publicText,
    detail: "the idempotency store did not answer",
    retryAfterMs,
    cause,
  });
}

async function hash(text: string): Promise<string> {
  return sha256Base64Url(new Uint8Array(new TextEncoder().encode(text)));
}
