import { AppError } from "@sluice/shared/errors.ts";
import { answerWithin } from "#edge/deadline.ts";
import type { LimitLedger } from "./limit-ledger.ts";

const retryAfterMs = 1_000;

export interface LedgerParts {
  readonly ledgers: DurableObjectNamespace<LimitLedger>;
  readonly bounds: { readonly admitTimeoutMs: number };
}

/** What the administration asks of a ledger. Throws `unavailable` when it does not answer. */
export async function askLedger<Answer>(
  { ledgers, bounds }: LedgerParts,
  name: string,
  call: (ledger: DurableObjectStub<LimitLedger>) => Promise<Answer>,
): Promise<Answer> {
  return answerWithin(bounds.admitTimeoutMs, call(ledgers.getByName(name)), (cause) => {
    const publicText = "The limits cannot be reached at the moment.";
    return new AppError("unavailable", { publicText, cause, retryAfterMs, detail: `ledger ${name}: ${String(cause)}` });
  });
}
