// The gate of a leased key on one continent: a Durable Object named `<keyId>@<place>`. It decides as the key's home would,
// while the home has lent it the right to (loan.ts), and from slices of the key's limits that the home charged in advance
// (ceiling.ts). Without its memory it asks again, and what it held of slices stays charged. It stores only what is under way
// on places that were lent to it (place-register.ts).
import { DurableObject } from "cloudflare:workers";
import { AccessRules } from "#edge/auth/access-rules.ts";
import type { Admission, GateQuestion, Raise } from "#edge/auth/admission.ts";
import type { KnownKey } from "#edge/auth/decide-admission.ts";
import { GateCeilings, type Ledger, ledgersAbove } from "#edge/auth/gate-ceilings.ts";
import type { KeyGate } from "#edge/auth/key-gate.ts";
import { OrphanWatch } from "#edge/auth/orphan-watch.ts";
import type { Bindings } from "#edge/bindings.ts";
import type { KeyRecord } from "#edge/auth/key-record.ts";
import { type LookUp, Turnstile } from "#edge/auth/turnstile.ts";
import { type GateSettlement, keyOfGate } from "#edge/auth/gate-address.ts";
import { type Config, loadConfig } from "#edge/config.ts";
import { waitAtMost } from "#edge/deadline.ts";
import { mostTokensUnder } from "#edge/rate-limit/ceiling.ts";
import type { TokenDemand } from "#edge/rate-limit/estimate-demand.ts";
import { leasedLedgerName } from "#edge/rate-limit/ledger-name.ts";
import type { Limits } from "#edge/rate-limit/limits.ts";
import type { PlaceClaim } from "#edge/rate-limit/place-register.ts";
import { claimUnderWay } from "#edge/rate-limit/places.ts";
import { QuotaBook } from "#edge/rate-limit/quota-book.ts";
import { Borrowed, type Loan } from "./loan.ts";

/** Changes of the key's record while one request waits for slices. */
const maxRounds = 10;

/** Where requests are let in, whatever the record says. */
interface Entrance {
  readonly ceilings: GateCeilings;
  readonly turnstile: Turnstile;
}

type Holding = KnownKey & Entrance;

export class ContinentGate extends DurableObject<Bindings> {
  readonly #config: Config;
  readonly #borrowed = new Borrowed();
  /** Without limits: those are with the home. It knows what is under way. */
  readonly #book: QuotaBook;
  /** As of the record that was last decided by. */
  #holding: Holding | undefined;
  /** Present while the home is asked. */
  #asking: Promise<void> | undefined;
  readonly #orphans: OrphanWatch;

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env);
    this.#config = loadConfig(env);
    this.#book = new QuotaBook(state.storage.kv, { limits: {}, modelLimits: {} }, this.#config.quotaBounds);
    const { leaseMs } = this.#config.quotaBounds;
    this.#orphans = new OrphanWatch({ state, env, leaseMs, record: () => this.#holding?.record });
  }

  async admit(question: GateQuestion): Promise<Admission> {
    const admission = await this.#vouched(question.credential.keyId, async ({ record, turnstile }, lookUp) => {
      const demand = question.demand && this.#boundDemand(question.demand, record, question.model);
      return turnstile.admit({ ...question, demand }, lookUp);
    });
    return admission ?? { kind: "refused", reason: "unknown_key" };
  }

  /** See Turnstile.raise. */
  async raise(requestId: string, tokens: number): Promise<Raise | undefined> {
    const keyId = this.#holding?.record.keyId;
    if (keyId === undefined) return undefined;
    return this.#vouched(keyId, async ({ turnstile }, lookUp) => turnstile.raise(requestId, tokens, lookUp));
  }

  /** See Turnstile.settle. */
  settle(settlements: readonly GateSettlement[]): readonly boolean[] {
    if (this.#holding !== undefined) return this.#holding.turnstile.settle(settlements);
    // A gate that slept still knows what was under way.
    const { quota } = this.#book;
    const wereUnderWay = settlements.map(({ requestId, usedTokens }) => {
      return quota.settle(requestId, usedTokens, Date.now()) !== undefined;
    });
    this.#book.storeExactly();
    return wereUnderWay;
  }

  /** Charges requests that nobody settled. Whose they are, a gate that slept is told by the home. */
  override async alarm(): Promise<void> {
    const holding = this.#holding ?? (await this.#present(keyOfGate(this.ctx.id.name ?? "")));
    if (holding === "outdated") throw new Error("the key changed while its home was asked");
    await this.#orphans.alarm(this.#book.quota);
  }

  /** The home, or a ledger above, is short of places. Returns what this gate has use for: it has given up the others. */
  recallPlaces(ledgerName: string, session: string): PlaceClaim {
    if (this.#holding !== undefined) return this.#holding.turnstile.recallPlaces(ledgerName, session);
    return claimUnderWay(session, this.#book.quota.numUnderWay(Date.now()));
  }

  /** The home has another word. Nothing is decided by an older one once this has returned. */
  recall(loan: Loan): void {
    this.#borrowed.recall(loan);
  }

  /** One that does not say how much output it wants gets the default, or what its limits can hold. */
  #boundDemand(
    { promptTokens, outputTokens }: TokenDemand,
    { limits = {}, modelLimits = {} }: KeyRecord,
    model = "",
  ): TokenDemand {
    const most = Math.min(mostTokensUnder(limits), mostTokensUnder(modelLimits[model] ?? {})) - promptTokens;
    const bounded = Math.max(1, Math.min(this.#config.quotaBounds.defaultOutputTokens, most));
    return { promptTokens, outputTokens: outputTokens ?? bounded };
  }

  /** Decides by a record that the home vouches for until the decision. Absent when it knows no such key. */
  async #vouched<Decision>(
    keyId: string,
    decide: (holding: Holding, lookUp: LookUp) => Promise<Decision | "outdated">,
  ): Promise<Decision | undefined> {
    for (let round = 0; round < maxRounds; round += 1) {
      const holding = await this.#present(keyId);
      if (holding === undefined) return undefined;
      if (holding === "outdated") continue;
      const { record } = holding;
      const decision = await decide(holding, (nowMs) =>
        this.#borrowed.record(nowMs) === record ? holding : "outdated",
      );
      if (decision !== "outdated") return decision;
    }
    throw new Error("the key changed again and again");
  }

  /** What the home vouches for now. Absent: it knows no such key. Rejects when it does not answer. */
  async #present(keyId: string): Promise<Holding | undefined | "outdated"> {
    if (this.#borrowed.record(Date.now()) === undefined) await this.#askHome(keyId);
    else if (this.#borrowed.isDue(Date.now())) this.#behindRequests(this.#askHome(keyId));
    const record = this.#borrowed.record(Date.now());
    // A key that is known and not vouched for: the answer was overtaken by a recall.
    if (record === undefined) return this.#borrowed.revision === undefined ? undefined : "outdated";
    if (record !== this.#holding?.record) {
      const { ceilings, turnstile } = this.#holding ?? this.#open(record);
      takeUpLimits(ceilings, this.#holding?.record, record);
      this.#holding = { record, access: new AccessRules(record), ceilings, turnstile };
    }
    return this.#holding;
  }

  /** Those who ask meanwhile share the answer. */
  async #askHome(keyId: string): Promise<void> {
    this.#asking ??= this.#renew(keyId).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #renew(keyId: string): Promise<void> {
    const askedAtMs = Date.now();
    const name = this.ctx.id.name ?? keyId;
    const asked = this.#home(keyId).lend(name, this.#borrowed.revision);
    const loan = await waitAtMost<Loan | undefined>(this.#config.bounds.ledgerTimeoutMs, Promise.resolve(asked), () => {
      throw new Error("the key's home did not answer in time");
    });
    if (loan !== undefined) this.#borrowed.renew(loan, askedAtMs);
  }

  #open(record: KeyRecord): Entrance {
    const { keyId } = record;
    const ledgerOf = (model?: string): Ledger => {
      return { name: leasedLedgerName(keyId, model), lease: async (order) => this.#home(keyId).lease(order, model) };
    };
    const numUnderWay = (nowMs: number, model?: string) => this.#book.quota.numUnderWay(nowMs, model);
    const parts = {
      ledgers: [{ ...ledgerOf(), ofModel: ledgerOf }, ...ledgersAbove(record, this.env.LIMIT_LEDGER)],
      gateName: this.ctx.id.name ?? keyId,
      timeoutMs: this.#config.bounds.ledgerTimeoutMs,
      numUnderWay,
    };
    const ceilings = new GateCeilings(parts, [], Date.now());
    const waitUntil = (work: Promise<void>) => this.ctx.waitUntil(work);
    return {
      ceilings,
      turnstile: new Turnstile({
        book: this.#book,
        ceilings,
        onAnswer: () => undefined,
        orphans: this.#orphans,
        waitUntil,
      }),
    };
  }

  #home(keyId: string): DurableObjectStub<KeyGate> {
    return this.env.KEY_GATE.getByName(keyId);
  }

  /** Whoever cannot be reached now is asked, or told, later. */
  #behindRequests(work: Promise<void>): void {
    this.ctx.waitUntil(work.catch(() => undefined));
  }
}

/** Of limits that are others than before, nothing that was handed out is spent any more. */
function takeUpLimits(ceilings: GateCeilings, known: KeyRecord | undefined, record: KeyRecord): void {
  const { keyId, modelLimits = {} } = record;
  if (!areSame(known?.limits, record.limits)) ceilings.giveUp(leasedLedgerName(keyId));
  const before = known?.modelLimits ?? {};
  for (const model of new Set([...Object.keys(before), ...Object.keys(modelLimits)])) {
    if (areSame(before[model], modelLimits[model])) continue;
    ceilings.limitModel(leasedLedgerName(keyId), model);
    ceilings.giveUp(leasedLedgerName(keyId, model));
  }
}

function areSame(one: Limits | undefined, other: Limits | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
