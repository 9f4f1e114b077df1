import { AppError } from "@sluice/shared/errors.ts";
import type { Principal } from "#edge/auth/principal.ts";
import { answerWithin, waitAtMost } from "#edge/deadline.ts";
import { inJurisdiction } from "#edge/storage/jurisdiction.ts";
import { placeOfResponse } from "./response-id.ts";
import type { BackgroundJob } from "./background-job.ts";
import type { Cancellation, ResponseStore, Started } from "./response-store.ts";
import type { StoredResponse } from "./stored-response.ts";

const retryAfterMs = 1_000;

type Start = Started | { readonly kind: "silent" };

export interface ResponseStoreOptions {
  /** Jurisdictions in which the platform keeps Durable Objects. */
  readonly jurisdictions: readonly string[];
  /** Longest wait for a store. */
  readonly timeoutMs: number;
}

/** The responses of all tenants, each seen by its own only. */
export class ResponseStores {
  readonly #namespace: DurableObjectNamespace<ResponseStore>;
  readonly #options: ResponseStoreOptions;

  constructor(namespace: DurableObjectNamespace<ResponseStore>, options: ResponseStoreOptions) {
    this.#namespace = namespace;
    this.#options = options;
  }

  get jurisdictions(): readonly string[] {
    return this.#options.jurisdictions;
  }

  async keep(owner: Principal, id: string, stored: StoredResponse): Promise<void> {
    await this.#ask(owner, id, async (store) => store.keep(stored));
  }

  /** Undefined when this tenant has no such response. */
  async read(owner: Principal, id: string): Promise<StoredResponse | undefined> {
    return this.#ask<StoredResponse | undefined>(owner, id, async (store) => store.read());
  }

  /** Returns false when this tenant has no such response. */
  async delete(owner: Principal, id: string): Promise<boolean> {
    return (await this.#ask(owner, id, async (store) => store.delete())) ?? false;
  }

  /** Runs a response in the background. Of one whose store is silent nobody knows whether it runs. */
  async start(job: BackgroundJob): Promise<Start> {
    const { owner, responseId } = job.turn;
    const store = this.#store(owner, responseId);
    if (store === undefined) throw new AppError("internal_error", { detail: `no store for ${responseId}` });
    const asked: Promise<Started> = store.start(job);
    const started = asked.catch((cause: unknown) => {
      throw unanswered(cause);
    });
    return waitAtMost<Start>(this.#options.timeoutMs, started, () => {
      return { kind: "silent" };
    });
  }

  /** Undefined when this tenant has no such response. */
  async cancel(owner: Principal, id: string): Promise<Cancellation | undefined> {
    return this.#ask<Cancellation | undefined>(owner, id, async (store) => store.cancel());
  }

  /**
   * The events of a response in the background after that of the number, until it ends. Undefined when this tenant has no such
   * response.
   */
  async follow(owner: Principal, id: string, after: number): Promise<ReadableStream<Uint8Array> | undefined> {
    type Following = ReadableStream<Uint8Array> | "full" | undefined;
    const events = await this.#ask<Following>(owner, id, async (store) => store.follow(after));
    if (events !== "full") return events;
    throw new AppError("server_is_overloaded", { publicText: "Too many follow this response.", retryAfterMs });
  }

  /** Undefined when the text is no id of ours, which therefore makes no object. */
  #store({ orgId, projectId }: Principal, id: string): DurableObjectStub<ResponseStore> | undefined {
    const place = placeOfResponse(id, this.jurisdictions);
    if (place === undefined || place.kind === "nowhere") return undefined;
    const jurisdiction = place.kind === "jurisdiction" ? place.name : undefined;
    return inJurisdiction(this.#namespace, jurisdiction).getByName(JSON.stringify([orgId, projectId, id]));
  }

  async #ask<Answer>(
    owner: Principal,
    id: string,
    ask: (store: DurableObjectStub<ResponseStore>) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    const store = this.#store(owner, id);
    if (store === undefined) return undefined;
    return answerWithin(this.#options.timeoutMs, ask(store), unanswered);
  }
}

export function unanswered(cause?: unknown): AppError {
  const publicText = "The store of responses cannot be reached at the moment.";
  return new AppError("unavailable", { publicText, retryAfterMs, cause, detail: `response store: ${String(cause)}` });
}
