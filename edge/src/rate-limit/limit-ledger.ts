// The ledger of one ceiling: a Durable Object named `project:<id>`, `project:<id>/<model>` or `organization:<id>`. Gates ask it for
// slices; no request does. That of a project also tells them which models have a ledger of their own.
import { DurableObject } from "cloudflare:workers";
import * as z from "zod/mini";
import type { KeyGate } from "#edge/auth/key-gate.ts";
import { isContinentGateName } from "#edge/auth/gate-address.ts";
import type { ContinentGate } from "#edge/auth/leased/continent-gate.ts";
import { loadConfig } from "#edge/config.ts";
import { CeilingBook } from "./ceiling-book.ts";
import { endless, type SliceAnswer, type SliceOrder } from "./ceiling.ts";
import { type Limits, limitsSchema } from "./limits.ts";
import type { PlaceClaim, PlaceRecall } from "./place-register.ts";

const limitsKey = "limits";
const modelsKey = "models";

const modelsSchema = z.array(z.string());

/** Keeps what a gate hears with each slice short. */
const maxModels = 100;

interface LedgerEnv {
  readonly KEY_GATE: DurableObjectNamespace<KeyGate>;
  readonly CONTINENT_GATE: DurableObjectNamespace<ContinentGate>;
}

export class LimitLedger extends DurableObject<LedgerEnv> {
  readonly #book: CeilingBook;
  #models: readonly string[];

  constructor(state: DurableObjectState, env: LedgerEnv) {
    super(state, env);
    const { kv } = state.storage;
    const stored = kv.get(limitsKey);
    this.#models = modelsSchema.parse(kv.get(modelsKey) ?? []);
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
    const answer = await this.#book.lease(order);
    const models = this.#models;
    if (models.length === 0) return answer;
    if (answer.kind === "granted") return { ...answer, models };
    const units = { requests: endless, tokens: endless };
    return answer.kind === "unlimited" ? { kind: "granted", units, models } : answer;
  }

  /** Those that have a ledger of their own below this one. */
  models(): readonly string[] {
    return this.#models;
  }

  /** Whether a model has a ledger of its own. False when it would be one too many. */
  noteModel(model: string, isLimited: boolean): boolean {
    const others = this.#models.filter((one) => one !== model);
    if (isLimited && others.length >= maxModels) return false;
    this.#models = isLimited ? [...others, model] : others;
    this.ctx.storage.kv.put(modelsKey, [...this.#models]);
    return true;
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
