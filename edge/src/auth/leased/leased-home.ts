// What the home of a leased key keeps beside its record: whom it lent the right to decide, and its limits, those of single models
// too, of which the gates on the continents get slices. All are in one object with the record, so that they change together.
import { waitAtMost } from "#edge/deadline.ts";
import { CeilingBook, type CeilingBookParts } from "#edge/rate-limit/ceiling-book.ts";
import type { SliceAnswer, SliceOrder } from "#edge/rate-limit/ceiling.ts";
import { leasedLedgerName } from "#edge/rate-limit/ledger-name.ts";
import type { Limits } from "#edge/rate-limit/limits.ts";
import type { PlaceClaim, PlaceRecall } from "#edge/rate-limit/place-register.ts";
import type { KeyRecord } from "#edge/auth/key-record.ts";
import { type Loan, Loans, storedLoansSchema } from "./loan.ts";

const loansKey = "loans";

export interface LeasedHomeParts extends Omit<CeilingBookParts, "keyPrefix" | "recallPlaces"> {
  /** As a book's, of the ledger of that name. */
  readonly recallPlaces: (ledger: string, recall: PlaceRecall) => Promise<PlaceClaim>;
  /** Tells a borrower another word; resolves when it has it. */
  readonly recall: (borrower: string, loan: Loan) => Promise<void>;
}

export class LeasedHome {
  readonly #parts: LeasedHomeParts;
  readonly #loans: Loans;
  readonly #book: CeilingBook;
  /** model -> its limits: of those that have some, or had since this object woke up. */
  readonly #ofModels = new Map<string, CeilingBook>();
  #record: KeyRecord;

  constructor(parts: LeasedHomeParts, record: KeyRecord) {
    const stored = parts.kv.get(loansKey);
    this.#parts = parts;
    this.#record = record;
    this.#loans = new Loans(stored === undefined ? undefined : storedLoansSchema.parse(stored), Date.now());
    this.#book = this.#openBook(record.limits);
    this.#openModels(record);
  }

  lend(borrower: string, knownRevision: number | undefined): Loan {
    const { revision } = this.#loans;
    if (this.#loans.lend(borrower, Date.now())) this.#store();
    return { revision, record: knownRevision === revision ? undefined : this.#record };
  }

  /** @param model whose limits; absent: those of all together. */
  async lease(order: SliceOrder, model: string | undefined): Promise<SliceAnswer> {
    const book = model === undefined ? this.#book : this.#ofModels.get(model);
    return book === undefined ? { kind: "unlimited" } : book.lease(order);
  }

  /** Takes up another record. At once, so that the caller writes both in one go. */
  revise(record: KeyRecord): void {
    this.#record = record;
    this.#loans.revise();
    this.#book.setLimits(record.limits ?? {});
    for (const [model, book] of this.#ofModels) book.setLimits(record.modelLimits?.[model] ?? {});
    this.#openModels(record);
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

  #openModels({ modelLimits = {} }: KeyRecord): void {
    for (const [model, limits] of Object.entries(modelLimits)) {
      if (!this.#ofModels.has(model)) this.#ofModels.set(model, this.#openBook(limits, model));
    }
  }

  #openBook(limits: Limits = {}, model?: string): CeilingBook {
    const { recallPlaces, ...parts } = this.#parts;
    const ledger = leasedLedgerName(this.#record.keyId, model);
    // Encoded, no model's name has the slash that ends it.
    const keyPrefix = model === undefined ? "" : `model/${encodeURIComponent(model)}/`;
    return new CeilingBook(
      { ...parts, keyPrefix, recallPlaces: async (recall) => recallPlaces(ledger, recall) },
      limits,
    );
  }

  #store(): void {
    this.#parts.kv.put(loansKey, this.#loans.toStored());
  }
}
