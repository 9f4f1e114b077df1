// The right to decide for a key, which its home lends to the gates on the continents for a few seconds at a time. Here are
// both sides' books, without time and messages.
//
// A borrower counts its time from before it asked, the home from when it answered: so whoever may still decide by an older
// word is known to the home, as long as clocks run equally fast, whatever they show.
import * as z from "zod/mini";
import type { KeyRecord } from "#edge/auth/key-record.ts";

/** How long a gate may decide by what it last heard. So long at most a revocation waits for a gate that does not answer. */
export const loanMs = 3_000;

/** Renewed behind the requests from this age on, so that none of them has to wait. */
const renewAfterMs = 1_000;

/** The home's word. */
export interface Loan {
  /** Grows with each change of the record. */
  readonly revision: number;
  /** Absent: as the borrower said it knows it. */
  readonly record: KeyRecord | undefined;
}

export const storedLoansSchema = z.object({
  revision: z.int(),
  /** Everyone who ever borrowed. */
  borrowers: z.readonly(z.array(z.string())),
});

export type StoredLoans = Readonly<z.infer<typeof storedLoansSchema>>;

/** The home's side. */
export class Loans {
  /** borrower -> until when it may decide by what it was told. */
  readonly #untilMs: Map<string, number>;
  #revision: number;

  /** A home that woke up without its memory takes everyone who ever borrowed for a borrower. */
  constructor(stored: StoredLoans | undefined, nowMs: number) {
    const { revision, borrowers } = stored ?? { revision: 0, borrowers: [] };
    this.#revision = revision;
    this.#untilMs = new Map(borrowers.map((borrower) => [borrower, nowMs + loanMs]));
  }

  get revision(): number {
    return this.#revision;
  }

  /** True when the borrower is new, which storage has to hear before the borrower gets its answer. */
  lend(borrower: string, nowMs: number): boolean {
    const isNew = !this.#untilMs.has(borrower);
    this.#untilMs.set(borrower, nowMs + loanMs);
    return isNew;
  }

  /** The record is another one from now on. */
  revise(): void {
    this.#revision += 1;
  }

  /** Those who may still decide by an older word, and until when at most. */
  outstanding(nowMs: number): readonly (readonly [borrower: string, untilMs: number])[] {
    return [...this.#untilMs].filter(([, untilMs]) => untilMs > nowMs);
  }

  toStored(): StoredLoans {
    return { revision: this.#revision, borrowers: [...this.#untilMs.keys()] };
  }
}

/** A borrower's side. */
export class Borrowed {
  #revision: number | undefined;
  #record: KeyRecord | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** What it knows already, to ask with. */
  get revision(): number | undefined {
    return this.#revision;
  }

  /** The record to decide by. Absent: nobody vouches for it now. */
  record(nowMs: number): KeyRecord | undefined {
    return nowMs < this.#askedAtMs + loanMs ? this.#record : undefined;
  }

  isDue(nowMs: number): boolean {
    return nowMs >= this.#askedAtMs + renewAfterMs;
  }

  /** The answer to a question. One that was overtaken by a newer word is worth nothing, and renews nothing. */
  renew(loan: Loan, askedAtMs: number): void {
    if (this.#learn(loan)) this.#askedAtMs = Math.max(this.#askedAtMs, askedAtMs);
  }

  /** What the home says unasked: another record, and no more time. */
  recall(loan: Loan): void {
    this.#learn(loan);
  }

  #learn({ revision, record }: Loan): boolean {
    if (this.#revision !== undefined && revision < this.#revision) return false;
    if (record === undefined) return revision === this.#revision;
    this.#revision = revision;
    this.#record = record;
    return true;
  }
}
