// The ledger of one ceiling: a Durable Object named `project:<id>` or `organization:<id>`. Gates ask it for slices; no
// request does.
import { DurableObject } from "cloudflare:workers";
import type { KeyGate } from "#edge/auth/key-gate.ts";
import { isContinentGateName } from "#edge/auth/gate-address.ts";
import type { ContinentGate } from "#edge/auth/leased/continent-gate.ts";
import { loadConfig } from "#edge/config.ts";
import { CeilingBook } from "./ceiling-book.ts";
import type { SliceAnswer, SliceOrder } from "./ceiling.ts";
import { type Limits, limitsSchema } from "./limits.ts";
import type { PlaceClaim, PlaceRecall } from "./place-register.ts";

const limitsKey = "limits";

interface LedgerEnv {
  readonly KEY_GATE: DurableObjectNamespace<KeyGate>;
  readonly CONTINENT_GATE: DurableObjectNamespace<ContinentGate>;
}

export class LimitLedger extends DurableObject<LedgerEnv> {
  readonly #book: CeilingBook;

  constructor(state: DurableObjectState, env: LedgerEnv) {
    super(state, env);
    const { kv } = state.storage;
    const stored = kv.get(limitsKey);
    const { quotaBounds, bounds } = loadConfig(env);
    const parts = {
      kv,
      leaseMs: quotaBounds.leaseMs,
      recallTimeoutMs: bounds.ledgerTimeoutMs / 2,
      recallPlaces: async (recall: PlaceRecall) => this.#recallPlaces(recall),
    };
    this.#book = new CeilingBook(parts, stored === undefined ? {} : limitsSchema.parse(stored));
  }

  async lease(order: SliceOrder): Promise<SliceAnswer> {
    return this.#book.lease(order);
  }

  limits(): Limits {
    return this.#book.limits;
  }

  /** Replaces all limits; none of them lifts the ceiling. What was handed out stays charged. */
  setLimits(limits: Limits): void {
    this.ctx.storage.kv.put(limitsKey, limits);
    this.#book.setLimits(limits);
  }

  async #recallPlaces({ gate, session }: PlaceRecall): Promise<PlaceClaim> {
    const { KEY_GATE: homes, CONTINENT_GATE: continents } = this.env;
    const ledger = this.ctx.id.name ?? "";
    if (isContinentGateName(gate)) return continents.getByName(gate).recallPlaces(ledger, session);
    return homes.getByName(gate).recallPlaces(ledger, session);
  }
}
