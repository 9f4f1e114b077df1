import { AppError } from "@sluice/shared/errors.ts";
import type { Batch } from "@sluice/shared/openai/batch.ts";
import type { FileOwner } from "#edge/files/file-record.ts";
import { answerWithin } from "#edge/deadline.ts";
import type { BatchHead } from "./batch-head.ts";
import { inJurisdiction } from "#edge/storage/jurisdiction.ts";
import { isBatchId } from "./batch-id.ts";
import type { BatchRunner, Creation, Existing } from "./batch-runner.ts";
import type { BatchTurn } from "./batch-turn.ts";

const retryAfterMs = 1_000;

export interface BatchRunnerOptions {
  /** In which the objects are kept. Absent: in none in particular. */
  readonly jurisdiction: string | undefined;
  /** Longest wait for a batch's object. */
  readonly timeoutMs: number;
}

/** The batches of all tenants, each seen by its own only. */
export class BatchRunners {
  readonly #namespace: DurableObjectNamespace<BatchRunner>;
  readonly #timeoutMs: number;
  readonly jurisdiction: string | undefined;

  constructor(namespace: DurableObjectNamespace<BatchRunner>, { jurisdiction, timeoutMs }: BatchRunnerOptions) {
    this.#namespace = inJurisdiction(namespace, jurisdiction);
    this.#timeoutMs = timeoutMs;
    this.jurisdiction = jurisdiction;
  }

  async create(head: BatchHead): Promise<Creation> {
    return this.#within<Creation>(this.#runner(head.caller, head.id).create(head));
  }

  /** What becomes of a request to make it again; undefined when this tenant has no such batch. */
  async find(owner: FileOwner, id: string, requestHash: string): Promise<Existing | undefined> {
    return this.#within<Existing | undefined>(this.#runner(owner, id).find(requestHash));
  }

  /** Undefined when this tenant has no such batch. */
  async read(owner: FileOwner, id: string): Promise<Batch | undefined> {
    return isBatchId(id) ? this.#within<Batch | undefined>(this.#runner(owner, id).read()) : undefined;
  }

  /** Undefined when this tenant has no such batch. */
  async cancel(owner: FileOwner, id: string): Promise<Batch | undefined> {
    return isBatchId(id) ? this.#within<Batch | undefined>(this.#runner(owner, id).cancel()) : undefined;
  }

  /** Resolves when the turn is over; rejects when it failed. */
  async work({ orgId, projectId, batchId, turn }: BatchTurn): Promise<void> {
    await this.#runner({ orgId, projectId }, batchId).work(turn);
  }

  #runner({ orgId, projectId }: FileOwner, id: string): DurableObjectStub<BatchRunner> {
    return this.#namespace.getByName(JSON.stringify([orgId, projectId, id]));
  }

  async #within<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return answerWithin(this.#timeoutMs, answer, (cause) => {
      const publicText = "The batch cannot be reached at the moment.";
      return new AppError("unavailable", { publicText, retryAfterMs, cause, detail: `batch: ${String(cause)}` });
    });
  }
}
