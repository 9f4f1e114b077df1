// The ceilings above one key, as its gate sees them: slices in memory, and ledgers that are asked when there are none left.
import { waitAtMost } from "#edge/deadline.ts";
import type { SliceAnswer, SliceOrder, Units } from "#edge/rate-limit/ceiling.ts";
import { ledgerName } from "#edge/rate-limit/ledger-name.ts";
import type { LimitLedger } from "#edge/rate-limit/limit-ledger.ts";
import type { Refusal } from "#edge/rate-limit/quota.ts";
import { Slices } from "#edge/rate-limit/slices.ts";
import type { KeyRecord } from "./key-record.ts";

const nothing: Units = { requests: 0, tokens: 0 };

/** More than the requests that can wait for slices at the same time would ever need. */
const maxRounds = 100;

/** Whoever hands out slices of a ceiling. */
export interface Ledger {
  readonly name: string;
  readonly lease: (order: SliceOrder) => Promise<SliceAnswer>;
}

export interface GateCeilingsParts {
  readonly ledgers: readonly Ledger[];
  /** Among those that a ledger serves. */
  readonly gateName: string;
  /** Longest wait for a ledger. */
  readonly timeoutMs: number;
}

interface Member extends Ledger {
  readonly slices: Slices;
  /** Present while the ledger is asked: those who want something meanwhile share the answer. */
  asking: Promise<Refusal | undefined> | undefined;
  /** What those who wait want together. */
  wanted: Units;
}

export class GateCeilings {
  readonly #parts: GateCeilingsParts;
  readonly #members: readonly Member[];

  /** @param unlimited names of those that were last known to have no limits. */
  constructor(parts: GateCeilingsParts, unlimited: readonly string[], nowMs: number) {
    this.#parts = parts;
    this.#members = parts.ledgers.map((ledger) => {
      return {
        ...ledger,
        slices: new Slices(unlimited.includes(ledger.name), nowMs),
        asking: undefined,
        wanted: nothing,
      };
    });
  }

  /** Names of those known to have no limits. */
  get unlimited(): readonly string[] {
    return this.#members.filter(({ slices }) => slices.isUnlimited).map(({ name }) => name);
  }

  get hasLimits(): boolean {
    return this.#members.some(({ slices }) => !slices.isUnlimited);
  }

  has(cost: Units, nowMs: number): boolean {
    return this.#members.every(({ slices }) => slices.has(cost, nowMs));
  }

  /**
   * Decides as soon as all have what is asked for, or with a ledger's refusal. Between the last look at what they have and
   * the decision nothing is awaited, so that nobody else takes it. `onAnswer` is called whenever ledgers have answered.
   */
  async decideUnder<Decision>(
    cost: Units,
    decide: (nowMs: number) => Decision,
    onAnswer: () => void,
  ): Promise<Decision | Refusal> {
    let nowMs = Date.now();
    for (let round = 0; !this.has(cost, nowMs); round += 1) {
      // Each round somebody gets in, or is refused.
      if (round === maxRounds) throw new Error("the ceilings' slices went to others each time");
      const refusal = await this.#fetch(cost);
      if (refusal !== undefined) return refusal;
      onAnswer();
      nowMs = Date.now();
    }
    return decide(nowMs);
  }

  /**
   * Asks for what is missing. Others may take what comes, so `has` must be asked again. Resolves with a ledger's refusal, and
   * rejects when a ledger does not answer.
   */
  async #fetch(cost: Units): Promise<Refusal | undefined> {
    const short = this.#members.filter(({ slices }) => !slices.has(cost, Date.now()));
    const refusals = await Promise.all(short.map(async (member) => this.#await(member, cost)));
    return refusals.find((refusal) => refusal !== undefined);
  }

  take(requestId: string, cost: Units, nowMs: number): void {
    for (const { slices } of this.#members) slices.take(requestId, cost, nowMs);
  }

  giveBack(requestId: string, unusedTokens: number): void {
    for (const { slices } of this.#members) slices.giveBack(requestId, unusedTokens);
  }

  /** Whether a ledger should be asked behind the requests: for the next slice, or whether it still has no limits. */
  needsCheck(): boolean {
    return this.#members.some(({ slices, asking }) => asking === undefined && isDue(slices, Date.now()));
  }

  /** Does what `needsCheck` asks for. A refusal is left for the request that it concerns. */
  async followUp(cost: Units): Promise<void> {
    const due = this.#members.filter(({ slices, asking }) => asking === undefined && isDue(slices, Date.now()));
    await Promise.all(due.map(async (member) => this.#await(member, cost)));
  }

  /** Tells the ledgers what became of their slices. */
  async report(): Promise<void> {
    const nowMs = Date.now();
    const due = this.#members.filter(({ slices }) => slices.hasReports(nowMs));
    await Promise.all(due.map(async (member) => this.#ask(member, undefined)));
  }

  async #await(member: Member, cost: Units): Promise<Refusal | undefined> {
    member.wanted = add(member.wanted, cost, 1);
    try {
      return await this.#ask(member, cost);
    } finally {
      member.wanted = add(member.wanted, cost, -1);
    }
  }

  async #ask(member: Member, least: Units | undefined): Promise<Refusal | undefined> {
    member.asking ??= this.#order(member, least).finally(() => {
      member.asking = undefined;
    });
    return member.asking;
  }

  async #order({ name, lease, slices, wanted }: Member, least: Units | undefined): Promise<Refusal | undefined> {
    const { gateName, timeoutMs } = this.#parts;
    const orderedAtMs = Date.now();
    const order = slices.order(gateName, least, wanted, orderedAtMs);
    const answer = await waitAtMost(timeoutMs, lease(order), () => {
      throw new Error(`the ledger ${name} did not answer in time`);
    });
    return slices.accept(order, answer, orderedAtMs, Date.now());
  }
}

/** The ledgers above a key: its project's, and its organization's. */
export function ledgersAbove(
  { projectId, orgId }: Pick<KeyRecord, "projectId" | "orgId">,
  ledgers: DurableObjectNamespace<LimitLedger>,
): readonly Ledger[] {
  return [ledgerName("project", projectId), ledgerName("organization", orgId)].map((name) => {
    return { name, lease: async (order) => ledgers.getByName(name).lease(order) };
  });
}

function isDue(slices: Slices, nowMs: number): boolean {
  return slices.needsCheck(nowMs) || slices.isLow(nowMs);
}

function add(one: Units, other: Units, sign: 1 | -1): Units {
  return { requests: one.requests + sign * other.requests, tokens: one.tokens + sign * other.tokens };
}
