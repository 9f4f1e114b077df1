// Keeps one response and the conversation that led to it: a Durable Object named by organization, project and response, so that
// another tenant's id leads to an empty one. A response in the background also runs here, in the object's alarm, which the platform
// lets take a quarter of an hour and calls again when the object was lost on the way.
//
//   queued -> in_progress -> completed | incomplete | failed | cancelled      the first end stands, whoever comes second
import { DurableObject } from "cloudflare:workers";
import type { Bindings } from "#edge/bindings.ts";
import { waitAtMost } from "#edge/deadline.ts";
import { lostRequestSchema, settleLost } from "#edge/ledger/lost-request.ts";
import { buildParts } from "#edge/parts.ts";
import type { BackgroundJob } from "./background-job.ts";
import { BackgroundRun, type RunRefusal } from "./background-run.ts";
import { EventLog } from "./event-log.ts";
import { followEvents } from "./follow-events.ts";
import { lostRunOf } from "./lost-run.ts";
import { blankResponse } from "./response-turn.ts";
import { type StoredHead, storedHeadSchema, type StoredResponse, storedWithoutOutput } from "./stored-response.ts";
import { Shelf } from "#edge/storage/shelf.ts";

const headKey = "head";
/** While it runs in the background, and until it is settled. */
const runKey = "run";

/** How long a caller waits to hear that its request is refused; after that it is told that it is queued. */
const refusalWaitMs = 1_000;

/** How many may listen to one response at once. */
const maxFollowers = 64;

/** What became of a job in its first moments. */
export type Started = { readonly kind: "accepted"; readonly response: string } | RunRefusal;

export type Cancellation =
  | { readonly kind: "ended"; readonly response: string }
  /** It has a caller, who can leave. */
  | { readonly kind: "not_background" };

export class ResponseStore extends DurableObject<Bindings> {
  readonly #texts: Shelf;
  #run: BackgroundRun | undefined;
  #numFollowers = 0;
  /** Settles at the next change of what followers see. */
  #changed = Promise.withResolvers<void>();

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env);
    this.#texts = new Shelf(state.storage.sql);
  }

  async keep(stored: StoredResponse): Promise<void> {
    this.#write(stored);
    await this.ctx.storage.setAlarm(stored.expiresAtMs);
  }

  /** Undefined when there is none, or its time is over. */
  read(): StoredResponse | undefined {
    const head = this.#head();
    return head && { ...head, response: this.#texts.get("response"), items: this.#texts.get("items") };
  }

  /** Returns false when there was none. Whatever runs is ended. */
  async delete(): Promise<boolean> {
    const isThere = this.#head() !== undefined;
    await this.#forget();
    return isThere;
  }

  async start(job: BackgroundJob): Promise<Started> {
    const run = new BackgroundRun(job, new EventLog(this.#texts), await buildParts(this.env));
    this.#run = run;
    const queued = storedWithoutOutput(job.turn, blankResponse(job.turn, "queued"), run.policy);
    this.#write(queued);
    this.ctx.storage.kv.put(runKey, lostRunOf(job, Date.now()));
    await this.ctx.storage.setAlarm(Date.now());
    const refusal = await waitAtMost(refusalWaitMs, run.refusal, () => undefined);
    if (refusal === undefined) return { kind: "accepted", response: queued.response };
    // As if it had never been.
    await this.#forget();
    return refusal;
  }

  /** Undefined when there is none. A response that has ended stays as it is. */
  cancel(): Cancellation | undefined {
    const head = this.#head();
    if (head === undefined) return undefined;
    if (!head.isBackground) return { kind: "not_background" };
    const run = this.#run;
    if (run !== undefined && isRunning(head)) {
      this.#write(storedWithoutOutput(run.turn, blankResponse(run.turn, "cancelled"), run.policy));
      this.#leave(run);
    }
    return { kind: "ended", response: this.#texts.get("response") };
  }

  /** Undefined when there is none, or none in the background; `full` when as many follow it as may. */
  follow(after: number): ReadableStream<Uint8Array> | "full" | undefined {
    if (this.#head()?.isBackground !== true) return undefined;
    if (this.#numFollowers >= maxFollowers) return "full";
    this.#numFollowers += 1;
    const { readable, writable } = new IdentityTransformStream();
    const followed = {
      log: new EventLog(this.#texts),
      hasEnded: () => this.#run === undefined,
      nextChange: async () => this.#changed.promise,
    };
    const left = followEvents(followed, after, writable).finally(() => {
      this.#numFollowers -= 1;
    });
    this.ctx.waitUntil(left);
    return readable;
  }

  override async alarm(): Promise<void> {
    await (this.#run === undefined ? this.#settleLost() : this.#complete(this.#run));
    const head = this.#head();
    if (head === undefined) await this.#forget();
    else await this.ctx.storage.setAlarm(head.expiresAtMs);
  }

  async #complete(run: BackgroundRun): Promise<void> {
    const outcome = await run.run({
      waitUntil: (work) => this.ctx.waitUntil(work),
      // What was cancelled or deleted meanwhile is not to be written again.
      isWanted: () => this.#run === run,
      began: () =>
        this.#progress(run, storedWithoutOutput(run.turn, blankResponse(run.turn, "in_progress"), run.policy)),
      ended: (stored) => this.#progress(run, stored),
      changed: () => this.#tellFollowers(),
    });
    this.#progress(run, outcome);
    if (this.#run === run) this.#run = undefined;
    this.#tellFollowers();
    await run.settle(this.#head()?.status ?? "deleted");
    this.ctx.storage.kv.delete(runKey);
  }

  /** The object was lost before what ran in it was settled. */
  async #settleLost(): Promise<void> {
    const stored = this.ctx.storage.kv.get(runKey);
    if (stored === undefined) return;
    await settleLost([lostRequestSchema.parse(stored)], await buildParts(this.env));
    this.ctx.storage.kv.delete(runKey);
  }

  /** The first end stands. */
  #progress(run: BackgroundRun, stored: StoredResponse): void {
    const head = this.#head();
    if (this.#run === run && head !== undefined && isRunning(head)) this.#write(stored);
  }

  #leave(run: BackgroundRun): void {
    this.#run = undefined;
    run.abort();
    this.#tellFollowers();
  }

  async #forget(): Promise<void> {
    if (this.#run !== undefined) this.#leave(this.#run);
    await this.ctx.storage.deleteAll();
  }

  #write({ response, items, ...head }: StoredResponse): void {
    this.ctx.storage.transactionSync(() => {
      this.#texts.put("response", response);
      this.#texts.put("items", items);
      this.ctx.storage.kv.put(headKey, head);
    });
  }

  /** Undefined when there is none, or its time is over. */
  #head(): StoredHead | undefined {
    const stored = this.ctx.storage.kv.get(headKey);
    const head = stored === undefined ? undefined : storedHeadSchema.parse(stored);
    if (head === undefined || head.expiresAtMs <= Date.now()) return undefined;
    return this.#run === undefined && isRunning(head) ? this.#markInterrupted(head) : head;
  }

  /** The object was lost while it ran, and what its region wrote is lost with it. */
  #markInterrupted(running: StoredHead): StoredHead {
    const head = { ...running, status: "failed" };
    const error = { code: "server_error", message: "The response was interrupted." };
    const begun = JSON.parse(this.#texts.get("response")) as object;
    const response = JSON.stringify({ ...begun, status: "failed", error });
    this.#write({ ...head, response, items: this.#texts.get("items") });
    return head;
  }

  #tellFollowers(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function isRunning({ status }: StoredHead): boolean {
  return status === "queued" || status === "in_progress";
}
