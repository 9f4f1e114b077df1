import { AppError } from "@sluice/shared/errors.ts";
import { sha256Base64Url } from "@sluice/shared/passport.ts";
import type { IdempotencyStore } from "./idempotency-store.ts";
import type { Claim, ClaimOutcome, StoredAnswer } from "./run.ts";

/** One use of an idempotency key, seen from a Worker. */
export interface IdempotentRun {
  /** What becomes of the request; waits for one of the same key and content that runs. */
  readonly claim: () => Promise<Exclude<ClaimOutcome, { kind: "running" }>>;
  readonly answer: (answer: StoredAnswer) => Promise<void>;
  readonly abandon: () => Promise<void>;
}

export interface RunQuestion {
  readonly keyId: string;
  readonly idempotencyKey: string;
  readonly path: string;
  readonly body: Uint8Array;
  readonly requestId: string;
}

const retryAfterMs = 5_000;

export class IdempotentRuns {
  readonly #namespace: DurableObjectNamespace<IdempotencyStore>;
  readonly #leaseMs: number;

  /** @param leaseMs the longest that a request may run. */
  constructor(namespace: DurableObjectNamespace<IdempotencyStore>, leaseMs: number) {
    this.#namespace = namespace;
    this.#leaseMs = leaseMs;
  }

  async open({ keyId, idempotencyKey, path, body, requestId }: RunQuestion): Promise<IdempotentRun> {
    const store = this.#namespace.getByName(await hash(JSON.stringify([keyId, idempotencyKey])));
    const claim: Claim = { requestHash: await hash(`${path}\n`, body), requestId };
    return {
      claim: async () => this.#claim(store, claim),
      answer: async (answer) => store.answer(requestId, answer),
      abandon: async () => store.abandon(requestId),
    };
  }

  async #claim(store: DurableObjectStub<IdempotencyStore>, claim: Claim) {
    let outcome = await store.claim(claim, this.#leaseMs);
    // Each question waits a while at the store; together as long as a request may take.
    for (let questions = 0; outcome.kind === "running"; questions += 1) {
      if (questions === maxQuestions) throw new AppError("deadline_exceeded", { retryAfterMs });
      outcome = await store.claimAfterEnd(claim, this.#leaseMs);
    }
    return outcome;
  }
}

/** Twenty seconds each: ten minutes. */
const maxQuestions = 30;

async function hash(text: string, bytes: Uint8Array = new Uint8Array()): Promise<string> {
  const head = new TextEncoder().encode(text);
  const joined = new Uint8Array(head.byteLength + bytes.byteLength);
  joined.set(head);
  joined.set(bytes, head.byteLength);
  return sha256Base64Url(joined);
}
