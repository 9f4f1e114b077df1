// One request under an idempotency key, as its store remembers it, and what a request under the same key finds.
import * as z from "zod/mini";

const answerHeadSchema = z.object({
  status: z.int(),
  headers: z.record(z.string(), z.string()),
});

/** An answer as it was given, to be given again. */
export interface StoredAnswer extends Readonly<z.infer<typeof answerHeadSchema>> {
  readonly body: Uint8Array<ArrayBuffer>;
}

/** How a request that ran has ended: with an answer that is kept, its body beside it; or with one that is not. */
const endSchema = z.union([
  z.object({ kind: z.literal("answered"), ...answerHeadSchema.shape }),
  z.object({ kind: z.literal("not_kept") }),
]);

export const runSchema = z.object({
  /** Of the request's body and path: a key stands for one request only. */
  requestHash: z.string(),
  /** The request that runs, or ran. */
  requestId: z.string(),
  /** While it runs: when it is given up for lost, unless it is heard of before. */
  leasedUntilMs: z.number(),
  /** Absent while it runs. */
  end: z.optional(endSchema),
});

export type Run = Readonly<z.infer<typeof runSchema>>;

export interface Claim {
  readonly requestHash: string;
  readonly requestId: string;
}

export type RunState =
  /** Nobody has run it: the caller is to. */
  | { readonly kind: "first" }
  /** Until then, unless it is heard of before. */
  | { readonly kind: "running"; readonly leasedUntilMs: number }
  | { readonly kind: "answered"; readonly head: z.infer<typeof answerHeadSchema> }
  /** It was answered, and the answer cannot be had again. */
  | { readonly kind: "not_kept" }
  /** The key was used for another request. */
  | { readonly kind: "conflict" };

export type ClaimOutcome =
  | Exclude<RunState, { kind: "answered" }>
  /** It runs, and as many wait for it as may. */
  | { readonly kind: "crowded" }
  | { readonly kind: "answered"; readonly answer: StoredAnswer };

/** A run whose lease is over was lost with the isolate that carried it. */
export function decideClaim(run: Run | undefined, { requestHash }: Claim, nowMs: number): RunState {
  if (run === undefined) return { kind: "first" };
  if (run.requestHash !== requestHash) return { kind: "conflict" };
  if (run.end?.kind === "answered") {
    const { status, headers } = run.end;
    return { kind: "answered", head: { status, headers } };
  }
  if (run.end !== undefined) return { kind: "not_kept" };
  const { leasedUntilMs } = run;
  return leasedUntilMs > nowMs ? { kind: "running", leasedUntilMs } : { kind: "first" };
}
