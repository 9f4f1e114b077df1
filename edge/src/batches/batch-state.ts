// What a batch's object has written down: the head in one value, the lines in a table.
import type { Batch } from "@sluice/shared/openai/batch.ts";
import { type BatchHead, batchHeadSchema, batchToWire } from "./batch-head.ts";
import { LineBook } from "./line-book.ts";

const headKey = "head";

export class BatchState {
  readonly #storage: DurableObjectStorage;
  #head: BatchHead;
  readonly book: LineBook;

  private constructor(storage: DurableObjectStorage, head: BatchHead) {
    this.#storage = storage;
    this.#head = head;
    this.book = new LineBook(storage.sql);
  }

  /** Undefined when there is no batch; nothing is written then. */
  static open(storage: DurableObjectStorage): BatchState | undefined {
    const stored = storage.kv.get(headKey);
    return stored === undefined ? undefined : new BatchState(storage, batchHeadSchema.parse(stored));
  }

  static create(storage: DurableObjectStorage, head: BatchHead): BatchState {
    storage.kv.put(headKey, head);
    return new BatchState(storage, head);
  }

  get head(): BatchHead {
    return this.#head;
  }

  patch(change: Partial<BatchHead>): void {
    this.#head = { ...this.#head, ...change };
    this.#storage.kv.put(headKey, this.#head);
  }

  /** All of it or nothing. */
  together(write: () => void): void {
    this.#storage.transactionSync(write);
  }

  toWire(): Batch {
    return batchToWire(this.#head, this.book.counts());
  }
}
