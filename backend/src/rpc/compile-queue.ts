import { type Displaceable, type RoomAnswer, shareQueue } from "#engine/scheduler/queue-shares.ts";

/** A grammar that waits to be compiled, for a tenant. */
export interface QueuedGrammar {
  readonly tenant: string;
  /** Lower is compiled first; of one priority tenants take turns. */
  readonly priority: number;
}

/** A grammar counts for one, whatever it is. */
const room = { numSequences: 1, numTokens: 0 };

/**
 * Grammars that wait for the compiler. Tenants take turns, so that one with many does not hold up the others; a full queue is shared
 * as the engine's is.
 */
export class CompileQueue<Queued extends QueuedGrammar> {
  readonly #maxQueued: number;
  /** tenant -> what it has waiting, oldest first; the tenant whose turn was longest ago comes first. None is empty. */
  readonly #waiting = new Map<string, Queued[]>();

  constructor(maxQueued: number) {
    this.#maxQueued = maxQueued;
  }

  get size(): number {
    return this.#waiting.values().reduce((sum, { length }) => sum + length, 0);
  }

  /** Puts it in line when there is room, which may be taken from others; they are then out of it. */
  add(queued: Queued): RoomAnswer<Queued> {
    type Held = Displaceable & { readonly queued: Queued };
    const hold = (each: Queued): Held => ({ ...room, priority: each.priority, queued: each });
    const holdings = this.#waiting.entries().map(([tenant, own]) => ({
      tenant,
      numRequests: own.length,
      numSequences: own.length,
      numTokens: 0,
      displaceable: own.map(hold),
    }));
    const free = { numSequences: this.#maxQueued - this.size, numTokens: 0 };
    const bounds = { numSequences: this.#maxQueued, numTokens: 0 };
    const answer = shareQueue({ ...hold(queued), tenant: queued.tenant }, [...holdings], free, bounds);
    if (answer.kind !== "room") return answer;
    const displaced = answer.displaced.map((held) => held.queued);
    for (const each of displaced) this.remove(each);
    const own = this.#waiting.get(queued.tenant);
    if (own === undefined) this.#waiting.set(queued.tenant, [queued]);
    else own.push(queued);
    return { kind: "room", displaced };
  }

  /** Takes the next one out of the line; undefined when nothing waits. */
  take(): Queued | undefined {
    const first = [...this.#waiting.values()].flat().reduce<Queued | undefined>((best, each) => {
      return best === undefined || each.priority < best.priority ? each : best;
    }, undefined);
    if (first === undefined) return undefined;
    this.remove(first);
    const left = this.#waiting.get(first.tenant);
    if (left === undefined) return first;
    this.#waiting.delete(first.tenant);
    this.#waiting.set(first.tenant, left);
    return first;
  }

  /** False when it does not wait. */
  remove(queued: Queued): boolean {
    const own = this.#waiting.get(queued.tenant);
    const index = own?.indexOf(queued) ?? -1;
    if (own === undefined || index === -1) return false;
    own.splice(index, 1);
    if (own.length === 0) this.#waiting.delete(queued.tenant);
    return true;
  }
}
