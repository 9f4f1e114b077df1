// The ledger of one ceiling: a Durable Object named `project:<id>` or `organization:<id>`. Gates ask it for slices; no
// request does.
import { DurableObject } from "cloudflare:workers";
import { CeilingBook } from "./ceiling-book.ts";
import type { CeilingLimits, SliceAnswer, SliceOrder } from "./ceiling.ts";
import { limitsSchema } from "./limits.ts";

const limitsKey = "limits";

export class LimitLedger extends DurableObject {
  readonly #book: CeilingBook;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    const stored = state.storage.kv.get(limitsKey);
    this.#book = new CeilingBook(state.storage.kv, stored === undefined ? {} : limitsSchema.parse(stored));
  }

  lease(order: SliceOrder): SliceAnswer {
    return this.#book.lease(order);
  }

  /** Replaces all limits; none of them lifts the ceiling. What was handed out stays charged. */
  setLimits(limits: CeilingLimits): void {
    this.ctx.storage.kv.put(limitsKey, limits);
    this.#book.setLimits(limits);
  }
}
