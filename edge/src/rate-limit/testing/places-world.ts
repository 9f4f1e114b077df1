// Gates and a ledger in virtual time: messages take their time, get lost and overtake each other; gates and the ledger crash.
import { Ceiling, type SliceAnswer, type SliceOrder } from "#edge/rate-limit/ceiling.ts";
import { Leases, type StoredLeases } from "#edge/rate-limit/leases.ts";
import { PlaceRegister } from "#edge/rate-limit/place-register.ts";
import { Places } from "#edge/rate-limit/places.ts";
import { type DelayMs, VirtualTime } from "./virtual-time.ts";

export const leaseMs = 60_000;
const timeoutMs = 2_000;
const requests = { requests: 1, tokens: 0 };

interface Gate {
  places: Places;
  leases: Leases;
  /** What storage would tell after a crash. */
  stored: StoredLeases | undefined;
  /** When it asked what it waits for. */
  asking: number | undefined;
  life: number;
}

export class World extends VirtualTime {
  readonly gates: Gate[];
  /** request -> the gate that let it in. Ends only when its caller says so, or at its deadline. */
  readonly underWay = new Map<string, { readonly gate: number; readonly endsMs: number }>();
  numAdmitted = 0;
  numRefused = 0;
  most = 0;
  readonly #limit: number;
  #register: PlaceRegister;
  #ceiling: Ceiling;
  readonly #stored = new Map<string, number>();
  #numNames = 0;

  constructor(limit: number, numGates: number) {
    super();
    this.#limit = limit;
    this.#register = this.#openRegister();
    this.#ceiling = new Ceiling({ concurrentRequests: limit }, undefined, this.#register);
    this.gates = Array.from({ length: numGates }, () => ({
      places: new Places(),
      leases: new Leases(leaseMs),
      stored: undefined,
      asking: undefined,
      life: 0,
    }));
  }

  /** Requests that nobody ends are over at their deadline. */
  protected override moveTo(nowMs: number): void {
    super.moveTo(nowMs);
    for (const [requestId, { endsMs }] of this.underWay) if (endsMs <= nowMs) this.underWay.delete(requestId);
  }

  /** A request, which begins if the gate holds a place, and else has the gate ask for one. */
  ask(index: number, out: DelayMs, back: DelayMs): void {
    const gate = this.#gate(index);
    if (this.#begin(index)) return;
    if (gate.asking !== undefined) return;
    this.#order(index, 1, out, back, () => {
      if (!this.#begin(index)) this.numRefused += 1;
    });
  }

  end(index: number): void {
    const [requestId] = [...this.underWay].find(([, { gate }]) => gate === index) ?? [];
    if (requestId === undefined) return;
    this.underWay.delete(requestId);
    this.#gate(index).leases.end(requestId);
  }

  /** Tells the ledger what the gate has no use for. */
  report(index: number, out: DelayMs, back: DelayMs): void {
    if (this.#gate(index).asking === undefined) this.#order(index, 0, out, back, () => undefined);
  }

  /** The ledger asks all others for what they have no use for. */
  recall(index: number, out: DelayMs, back: DelayMs): void {
    const register = this.#register;
    for (const { gate: name, session } of register.recall(String(index), this.nowMs)) {
      this.after(out, () => {
        const { places, leases } = this.#gate(Number(name));
        leases.expire(this.nowMs);
        const claim = places.recall(session, leases.count, this.nowMs);
        this.after(back, () => register === this.#register && register.claim(name, claim, this.nowMs));
      });
    }
  }

  crashGate(index: number): void {
    const gate = this.#gate(index);
    gate.life += 1;
    gate.places = new Places();
    gate.leases = gate.stored === undefined ? new Leases(leaseMs) : Leases.restore(gate.stored, this.nowMs);
    gate.asking = undefined;
  }

  crashLedger(): void {
    this.#register = this.#openRegister();
    this.#ceiling = new Ceiling({ concurrentRequests: this.#limit }, undefined, this.#register);
  }

  /** Writes what has changed since; a crash may come before. */
  save(): void {
    for (const [gate, held] of this.#register.takeUnsaved(true)) this.#stored.set(gate, held);
  }

  #begin(index: number): boolean {
    const { places, leases, stored } = this.#gate(index);
    leases.expire(this.nowMs);
    if (!places.areLimited || !places.has(1, leases.count, this.nowMs)) return false;
    const requestId = `${index}/${++this.#numNames}`;
    leases.begin(requestId, "model", 0, this.nowMs);
    if (!leases.isCovered() || stored === undefined) this.#gate(index).stored = leases.toStored(true);
    this.underWay.set(requestId, { gate: index, endsMs: this.nowMs + leaseMs });
    this.numAdmitted += 1;
    this.most = Math.max(this.most, this.underWay.size);
    return true;
  }

  #order(index: number, least: number, out: DelayMs, back: DelayMs, then: () => void): void {
    const gate = this.#gate(index);
    const { places, leases, life } = gate;
    leases.expire(this.nowMs);
    const askedAtMs = this.nowMs;
    const claim = places.claim(leases.count, least > 0, askedAtMs);
    const order: SliceOrder = {
      sliceId: String(++this.#numNames),
      gate: String(index),
      least: least > 0 ? requests : undefined,
      wanted: requests,
      reports: [],
      unused: undefined,
      places: { claim, least, wanted: least },
    };
    const isHere = () => gate.life === life && gate.asking === askedAtMs;
    gate.asking = askedAtMs;
    this.after(timeoutMs, () => isHere() && (gate.asking = undefined));
    this.after(out, () => {
      const answer = this.#lease(order);
      this.after(back, () => {
        if (!isHere()) return;
        gate.asking = undefined;
        if (answer.kind === "outdated") places.beginSession(answer.session, claim);
        else if (answer.kind !== "refused") {
          places.accept(claim, answer.kind === "granted" ? answer.places : undefined, askedAtMs, this.nowMs);
        }
        then();
      });
    });
  }

  #lease(order: SliceOrder): SliceAnswer {
    const answer = this.#ceiling.lease(order, this.nowMs);
    for (const [gate, held] of this.#register.takeUnsaved(false)) this.#stored.set(gate, held);
    return answer;
  }

  #openRegister(): PlaceRegister {
    const stored = new Map([...this.#stored].filter(([, held]) => held > 0));
    const newSession = () => `session-${++this.#numNames}`;
    return new PlaceRegister({ limit: this.#limit, leaseMs, newSession }, stored, this.nowMs);
  }

  #gate(index: number): Gate {
    const gate = this.gates[index];
    if (gate === undefined) throw new RangeError("no such gate");
    return gate;
  }
}
