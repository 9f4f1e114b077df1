// The ceilings above one key, as its gate sees them: slices and places in memory, and ledgers that are asked when there are none
// left.
import { waitAtMost } from "#edge/deadline.ts";
import type { SliceAnswer, SliceOrder, Units } from "#edge/rate-limit/ceiling.ts";
import { ledgerName } from "#edge/rate-limit/ledger-name.ts";
import type { LimitLedger } from "#edge/rate-limit/limit-ledger.ts";
import type { PlaceClaim } from "#edge/rate-limit/place-register.ts";
import { claimUnderWay, Places } from "#edge/rate-limit/places.ts";
import type { Refusal } from "#edge/rate-limit/quota.ts";
import { Slices } from "#edge/rate-limit/slices.ts";
import type { KeyRecord } from "./key-record.ts";

const nothing: Units = { requests: 0, tokens: 0 };

/** More than the requests that can wait for slices at the same time would ever need. */
const maxRounds = 100;

/** A gate whose session is over claims once more, in the next one. */
const maxClaims = 3;

/** Whoever hands out slices of a ceiling. */
export interface Ledger {
  readonly name: string;
  readonly lease: (order: SliceOrder) => Promise<SliceAnswer>;
  /** The ledger below it that limits one model; asked only for models that its answers name, or `limitModel`. */
  readonly ofModel?: (model: string) => Ledger;
}

export interface GateCeilingsParts {
  readonly ledgers: readonly Ledger[];
  /** Among those that a ledger serves. */
  readonly gateName: string;
  /** Longest wait for a ledger. */
  readonly timeoutMs: number;
  /** Requests of the gate, of one model if that is given, each of which has a place. */
  readonly numUnderWay: (nowMs: number, model: string | undefined) => number;
}

interface Member extends Ledger {
  /** Absent: it counts the requests of all models. */
  readonly model: string | undefined;
  readonly slices: Slices;
  readonly places: Places;
  /** Present while the ledger is asked: those who want something meanwhile share the answer. */
  asking: Promise<Refusal | undefined> | undefined;
  /** What those who wait want together. */
  wanted: Units;
}

/** Why a ledger is asked: for a request that waits, for those to come, or only to tell it what is given back. */
type Purpose = "request" | "follow-up" | "report";

export class GateCeilings {
  readonly #parts: GateCeilingsParts;
  readonly #members: readonly Member[];
  /** name -> of one model. */
  readonly #ofModels = new Map<string, Member>();

  /** @param unlimited names of those that were last known to have no limits. */
  constructor(parts: GateCeilingsParts, unlimited: readonly string[], nowMs: number) {
    this.#parts = parts;
    this.#members = parts.ledgers.map((ledger) => {
      return memberOf(ledger, undefined, new Slices(unlimited.includes(ledger.name), nowMs));
    });
  }

  /** Names of those known to have no limits. */
  get unlimited(): readonly string[] {
    return this.#members.filter(({ slices }) => slices.isUnlimited).map(({ name }) => name);
  }

  get hasLimits(): boolean {
    return this.#all().some(({ slices }) => !slices.isUnlimited);
  }

  /** Whether somebody above counts the requests that are under way. */
  get limitPlaces(): boolean {
    return this.#all().some(({ places }) => places.areLimited);
  }

  /**
   * Decides as soon as all have what is asked for, or with a ledger's refusal. Between the last look at what they have and
   * the decision nothing is awaited, so that nobody else takes it. `onAnswer` is called whenever ledgers have answered.
   */
  async decideUnder<Decision>(
    model: string,
    cost: Units,
    decide: (nowMs: number) => Decision,
    onAnswer: () => void,
  ): Promise<Decision | Refusal> {
    let nowMs = Date.now();
    for (let round = 0; ; round += 1) {
      const short = this.#above(model).filter((member) => !this.#has(member, cost, nowMs));
      if (short.length === 0) return decide(nowMs);
      // Each round somebody gets in, or is refused.
      if (round === maxRounds) throw new Error("the ceilings' slices went to others each time");
      const refusals = await Promise.all(short.map(async (member) => this.#await(member, cost, "request")));
      const refusal = refusals.find((one) => one !== undefined);
      if (refusal !== undefined) return refusal;
      onAnswer();
      nowMs = Date.now();
    }
  }

  take(model: string, requestId: string, cost: Units, nowMs: number): void {
    for (const { slices } of this.#above(model)) slices.take(requestId, cost, nowMs);
  }

  giveBack(requestId: string, unusedTokens: number): void {
    for (const { slices } of this.#all()) slices.giveBack(requestId, unusedTokens);
  }

  /** Requests of the model are counted from now on by a ledger of their own, below the one of this name. */
  limitModel(name: string, model: string): void {
    const member = this.#members.find((one) => one.name === name);
    if (member !== undefined) this.#open(member, model);
  }

  /** The ledger has other limits now: what it handed out under those before is spent no more. */
  giveUp(name: string): void {
    this.#all()
      .find((member) => member.name === name)
      ?.slices.giveUp();
  }

  /** See Places.recall. */
  recallPlaces(name: string, session: string): PlaceClaim {
    const nowMs = Date.now();
    const member = this.#all().find((one) => one.name === name);
    const numUnderWay = this.#parts.numUnderWay(nowMs, member?.model);
    return member?.places.recall(session, numUnderWay, nowMs) ?? claimUnderWay(session, numUnderWay);
  }

  /** Whether there are places that somebody else waits for. */
  owesPlaces(nowMs: number): boolean {
    return this.#all().some(({ places, model }) => {
      return places.areLimited && places.owesAny(this.#parts.numUnderWay(nowMs, model), nowMs);
    });
  }

  /** Whether a ledger should be asked behind the requests: for the next slice, or whether it still has no limits. */
  needsCheck(): boolean {
    return this.#all().some(({ slices, asking }) => asking === undefined && isDue(slices, Date.now()));
  }

  /** Does what `needsCheck` asks for. A refusal is left for the request that it concerns. */
  async followUp(cost: Units): Promise<void> {
    const due = this.#all().filter(({ slices, asking }) => asking === undefined && isDue(slices, Date.now()));
    await Promise.all(due.map(async (member) => this.#await(member, cost, "follow-up")));
  }

  /** Tells the ledgers what became of their slices, and gives places back that have no use. */
  async report(): Promise<void> {
    await Promise.all(this.#all().map(async (member) => this.#report(member)));
  }

  async #report(member: Member): Promise<void> {
    const { slices, places, model } = member;
    // What is asked now does not tell of what is given back since.
    while (member.asking !== undefined) await member.asking.catch(() => undefined);
    const nowMs = Date.now();
    const hasSpare = places.areLimited && places.hasSpare(this.#parts.numUnderWay(nowMs, model));
    if (hasSpare || slices.hasReports(nowMs)) await this.#ask(member, nothing, "report");
  }

  async #await(member: Member, cost: Units, purpose: Purpose): Promise<Refusal | undefined> {
    member.wanted = add(member.wanted, cost, 1);
    try {
      return await this.#ask(member, cost, purpose);
    } finally {
      member.wanted = add(member.wanted, cost, -1);
    }
  }

  async #ask(member: Member, least: Units, purpose: Purpose): Promise<Refusal | undefined> {
    member.asking ??= this.#order(member, least, purpose).finally(() => {
      member.asking = undefined;
    });
    return member.asking;
  }

  async #order(member: Member, cost: Units, purpose: Purpose): Promise<Refusal | undefined> {
    const { name, lease, slices, places, wanted, model } = member;
    const { gateName, timeoutMs, numUnderWay } = this.#parts;
    const least = purpose === "report" ? undefined : cost;
    const leastPlaces = purpose === "request" ? cost.requests : 0;
    const wantedPlaces = purpose === "report" ? 0 : wanted.requests;
    for (let count = 0; count < maxClaims; count += 1) {
      const orderedAtMs = Date.now();
      const claim = places.claim(numUnderWay(orderedAtMs, model), purpose !== "report", orderedAtMs);
      const placeOrder = { claim, least: leastPlaces, wanted: wantedPlaces };
      const order = slices.order(gateName, least, wanted, orderedAtMs, placeOrder);
      const answer = await waitAtMost(timeoutMs, lease(order), () => {
        throw new Error(`the ledger ${name} did not answer in time`);
      });
      const nowMs = Date.now();
      if (answer.kind === "outdated") {
        places.beginSession(answer.session, claim);
        continue;
      }
      const { places: grant, models = [] } = answer.kind === "granted" ? answer : {};
      for (const limited of models) this.#open(member, limited);
      if (answer.kind !== "refused") places.accept(claim, grant, orderedAtMs, nowMs);
      return slices.accept(order, answer, orderedAtMs, nowMs);
    }
    return undefined;
  }

  #has({ slices, places, model }: Member, cost: Units, nowMs: number): boolean {
    if (!slices.has(cost, nowMs)) return false;
    return !places.areLimited || places.has(cost.requests, this.#parts.numUnderWay(nowMs, model), nowMs);
  }

  /** Takes up the ledger of one model. */
  #open({ ofModel }: Member, model: string): void {
    const ledger = ofModel?.(model);
    if (ledger === undefined || this.#ofModels.has(ledger.name)) return;
    this.#ofModels.set(ledger.name, memberOf(ledger, model, new Slices(false, Date.now())));
  }

  /** Those that count a request of the model. */
  #above(model: string): readonly Member[] {
    if (this.#ofModels.size === 0) return this.#members;
    return this.#all().filter((member) => member.model === undefined || member.model === model);
  }

  #all(): readonly Member[] {
    return this.#ofModels.size === 0 ? this.#members : [...this.#members, ...this.#ofModels.values()];
  }
}

/** The ledgers above a key: its project's, and its organization's. */
export function ledgersAbove(
  { projectId, orgId }: Pick<KeyRecord, "projectId" | "orgId">,
  ledgers: DurableObjectNamespace<LimitLedger>,
): readonly Ledger[] {
  const named = (name: string): Ledger => {
    return { name, lease: async (order) => ledgers.getByName(name).lease(order) };
  };
  const ofModel = (model: string) => named(ledgerName("project", projectId, model));
  return [{ ...named(ledgerName("project", projectId)), ofModel }, named(ledgerName("organization", orgId))];
}

function memberOf(ledger: Ledger, model: string | undefined, slices: Slices): Member {
  return { ...ledger, model, slices, places: new Places(), asking: undefined, wanted: nothing };
}

function isDue(slices: Slices, nowMs: number): boolean {
  return slices.needsCheck(nowMs) || slices.isLow(nowMs);
}

function add(one: Units, other: Units, sign: 1 | -1): Units {
  return { requests: one.requests + sign * other.requests, tokens: one.tokens + sign * other.tokens };
}
