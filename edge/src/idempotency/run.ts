// One request under an idempotency key, as its store remembers it, and what a request under the same key finds.
import * as z from "zod/mini";

const answerSchema = z.object({
  status: z.int(),
  headers: z.record(z.string(), z.string()),
  body: z.instanceof(Uint8Array),
});

/** An answer as it was given, to be given again. */
export type StoredAnswer = Readonly<z.infer<typeof answerSchema>>;

export const runSchema = z.object({
  /** Of the request's body and path: a key stands for one request only. */
  requestHash: z.string(),
  /** The request that runs, or ran. */
  requestId: z.string(),
  /** While it runs: when it is given up for lost. */
  leasedUntilMs: z.number(),
  /** Absent while it runs. */
  answer: z.optional(answerSchema),
});

export type Run = Readonly<z.infer<typeof runSchema>>;

export interface Claim {
  readonly requestHash: string;
  readonly requestId: string;
}

export type ClaimOutcome =
  /** Nobody has run it: the caller is to. */
  | { readonly kind: "first" }
  | { readonly kind: "running" }
  | { readonly kind: "answered"; readonly answer: StoredAnswer }
  /** The key was used for another request. */
  | { readonly kind: "conflict" };

/** A run whose lease is over was lost with the isolate that carried it. */
export function decideClaim(run: Run | undefined, { requestHash }: Claim, nowMs: number): ClaimOutcome {
  if (run === undefined) return { kind: "first" };
  if (run.requestHash !== requestHash) return { kind: "conflict" };
  if (run.answer !== undefined) return { kind: "answered", answer: run.answer };
  return run.leasedUntilMs > nowMs ? { kind: "running" } : { kind: "first" };
}
