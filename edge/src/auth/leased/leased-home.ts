// What the home of a leased key keeps beside its record: whom it lent the right to decide, and its limits, of which the gates
// on the continents get slices. Both are in one object with the record, so that they change together.
import { waitAtMost } from "#edge/deadline.ts";
import { CeilingBook, type CeilingBookParts } from "#edge/rate-limit/ceiling-book.ts";
import type { SliceAnswer, SliceOrder } from "#edge/rate-limit/ceiling.ts";
import type { KeyRecord } from "#edge/auth/key-record.ts";
import { type Loan, Loans, storedLoansSchema } from "./loan.ts";

const loansKey = "loans";

export interface LeasedHomeParts extends CeilingBookParts {
  /** Tells a borrower another word; resolves when it has it. */
  readonly recall: (borrower: string, loan: Loan) => Promise<void>;
}

export class LeasedHome {
  readonly #parts: LeasedHomeParts;
  readonly #loans: Loans;
  readonly #book: CeilingBook;
  #record: KeyRecord;

  constructor(parts: LeasedHomeParts, record: KeyRecord) {
    const stored = parts.kv.get(loansKey);
    this.#parts = parts;
    this.#record = record;
    this.#loans = new Loans(stored === undefined ? undefined : storedLoansSchema.parse(stored), Date.now());
    this.#book = new CeilingBook(parts, record.limits ?? {});
  }

  lend(borrower: string, knownRevision: number | undefined): Loan {
    const { revision } = this.#loans;
    if (this.#loans.lend(borrower, Date.now())) this.#store();
    return { revision, record: knownRevision === revision ? undefined : this.#record };
  }

  async lease(order: SliceOrder): Promise<SliceAnswer> {
    return this.#book.lease(order);
  }

  /** Takes up another record. At once, so that the caller writes both in one go. */
  revise(record: KeyRecord): void {
    this.#record = record;
    this.#loans.revise();
    this.#book.setLimits(record.limits ?? {});
    this.#store();
  }

  /** Resolves when no gate decides by an older record any more: each has confirmed this one, or its loan has run out. */
  async recall(): Promise<void> {
    const nowMs = Date.now();
    const loan = { revision: this.#loans.revision, record: this.#record };
    await Promise.all(
      this.#loans.outstanding(nowMs).map(async ([borrower, untilMs]) => {
        // One that cannot be told may still be there.
        const { promise: never } = Promise.withResolvers<void>();
        const told = this.#parts.recall(borrower, loan).catch(async () => never);
        await waitAtMost(untilMs - nowMs, told, () => undefined);
      }),
    );
  }

  #store(): void {
    this.#parts.kv.put(loansKey, this.#loans.toStored());
  }
}
