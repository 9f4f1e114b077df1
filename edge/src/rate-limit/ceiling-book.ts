// A ceiling and its storage, of whichever Durable Object keeps it. See ceiling.ts and place-register.ts for what it promises,
// and meter.ts for how storage follows memory.
import * as z from "zod/mini";
import { waitAtMost } from "#edge/deadline.ts";
import { IdleTimer } from "#edge/idle-timer.ts";
import { Ceiling, type SliceAnswer, type SliceOrder, storedCeilingSchema } from "./ceiling.ts";
import type { Limits } from "./limits.ts";
import { type PlaceClaim, type PlaceRecall, PlaceRegister } from "./place-register.ts";

const ceilingKey = "ceiling";
/** Before the gate's name; what is stored there is how many places it holds. */
const placeKey = "place/";

/** After so long without an order, what was written ahead is taken back. */
const idleAfterMs = 5_000;

export interface CeilingBookParts {
  readonly kv: SyncKvStorage;
  /** Before its keys, where the object keeps several. */
  readonly keyPrefix?: string;
  /** Longest life of a request. */
  readonly leaseMs: number;
  /** Longest wait for gates to give places back: shorter than a gate waits for its ledger. */
  readonly recallTimeoutMs: number;
  /** Asks a gate to give back the places that it has no use for. */
  readonly recallPlaces: (recall: PlaceRecall) => Promise<PlaceClaim>;
}

export class CeilingBook {
  readonly #parts: CeilingBookParts;
  #limits: Limits;
  #places: PlaceRegister | undefined;
  #ceiling: Ceiling;
  #recalling: Promise<void> | undefined;
  readonly #idleTimer: IdleTimer;

  constructor(parts: CeilingBookParts, limits: Limits) {
    this.#parts = parts;
    this.#limits = limits;
    this.#places = this.#wakePlaces();
    this.#ceiling = this.#wakeCeiling();
    this.#idleTimer = new IdleTimer(idleAfterMs, () => this.#store(false, Date.now()));
  }

  get limits(): Limits {
    return this.#limits;
  }

  /** Refuses for want of places only when no gate holds one that it has no use for. */
  async lease(order: SliceOrder): Promise<SliceAnswer> {
    const answer = this.#lease(order);
    if (answer.kind !== "refused" || answer.refusal.limitName !== "concurrentRequests") return answer;
    await this.#recall(order.gate);
    return this.#lease({ ...order, reports: [], unused: undefined });
  }

  /** Replaces all limits; none of them lifts the ceiling. What was handed out stays charged, and what was lent stays lent. */
  setLimits(limits: Limits): void {
    if (Object.keys(this.#limits).length > 0) this.#store(false, Date.now());
    this.#limits = limits;
    this.#places = this.#wakePlaces();
    this.#ceiling = this.#wakeCeiling();
  }

  #lease(order: SliceOrder): SliceAnswer {
    const nowMs = Date.now();
    const answer = this.#ceiling.lease(order, nowMs);
    if (answer.kind !== "unlimited") {
      if (!this.#ceiling.isCovered(nowMs)) this.#store(true, nowMs);
      this.#storePlaces(false);
      this.#idleTimer.note(nowMs);
    }
    return answer;
  }

  /** Those who are short meanwhile share the answers. */
  async #recall(exceptGate: string): Promise<void> {
    const recalls = this.#places?.recall(exceptGate, Date.now()) ?? [];
    const before = this.#recalling;
    const asked = Promise.all([before, ...recalls.map(async (recall) => this.#recallFrom(recall))]);
    const recalling = asked.then(() => undefined);
    this.#recalling = recalling;
    await recalling;
    if (this.#recalling === recalling) this.#recalling = undefined;
  }

  /** One that does not answer keeps what it holds. */
  async #recallFrom(recall: PlaceRecall): Promise<void> {
    const { recallPlaces, recallTimeoutMs } = this.#parts;
    const asked = recallPlaces(recall).catch(() => undefined);
    const claim = await waitAtMost(recallTimeoutMs, asked, () => undefined);
    if (claim !== undefined) this.#places?.claim(recall.gate, claim, Date.now());
  }

  #wakeCeiling(): Ceiling {
    const stored = this.#parts.kv.get(this.#keyOf(ceilingKey));
    const known = stored === undefined ? undefined : storedCeilingSchema.parse(stored);
    return new Ceiling(this.#limits, known, this.#places);
  }

  #wakePlaces(): PlaceRegister | undefined {
    const { kv, leaseMs } = this.#parts;
    const { concurrentRequests: limit } = this.#limits;
    if (limit === undefined) return undefined;
    const prefix = this.#keyOf(placeKey);
    const rows = [...kv.list({ prefix })];
    const stored = new Map(rows.map(([key, held]) => [key.slice(prefix.length), z.int().parse(held)]));
    return new PlaceRegister({ limit, leaseMs, newSession: () => crypto.randomUUID() }, stored, Date.now());
  }

  #store(ahead: boolean, nowMs: number): void {
    this.#parts.kv.put(this.#keyOf(ceilingKey), this.#ceiling.toStored(ahead, nowMs));
    if (!ahead) this.#storePlaces(true);
  }

  /** What was lent is written before the gate hears of it; what came back, when there is time (`all`). */
  #storePlaces(all: boolean): void {
    const { kv } = this.#parts;
    for (const [gate, held] of this.#places?.takeUnsaved(all) ?? []) {
      const key = this.#keyOf(placeKey + gate);
      if (held === 0) kv.delete(key);
      else kv.put(key, held);
    }
  }

  #keyOf(name: string): string {
    return (this.#parts.keyPrefix ?? "") + name;
  }
}
