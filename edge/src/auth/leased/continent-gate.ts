// The gate of a leased key on one continent: a Durable Object named `<keyId>@<place>`. It decides as the key's home would,
// while the home has lent it the right to (loan.ts), and from slices of the key's limits that the home charged in advance
// (ceiling.ts). It stores nothing: without its memory it asks again, and what it held stays charged.
import { DurableObject } from "cloudflare:workers";
import { AccessRules } from "#edge/auth/access-rules.ts";
import type { Admission, AdmissionQuestion } from "#edge/auth/admission.ts";
import { decideAdmission, type KnownKey, principalOf, routingOf } from "#edge/auth/decide-admission.ts";
import { GateCeilings, type Ledger, ledgersAbove } from "#edge/auth/gate-ceilings.ts";
import type { KeyGate } from "#edge/auth/key-gate.ts";
import type { KeyRecord } from "#edge/auth/key-record.ts";
import { loadConfig } from "#edge/config.ts";
import { waitAtMost } from "#edge/deadline.ts";
import { mostTokensUnder } from "#edge/rate-limit/ceiling.ts";
import type { TokenDemand } from "#edge/rate-limit/estimate-demand.ts";
import type { LimitLedger } from "#edge/rate-limit/limit-ledger.ts";
import { Quota, type QuotaBounds, type Verdict } from "#edge/rate-limit/quota.ts";
import { Borrowed, type Loan } from "./loan.ts";

/** Shorter than a loan, and than a Worker waits for its gate. */
const homeTimeoutMs = 2_000;

/** Changes of the key's record while one request waits for slices. */
const maxRounds = 10;

/** After so long without a request, slices are reported: the platform may evict an idle object from 10 s on. */
const idleAfterMs = 6_000;

interface Holding extends KnownKey {
  readonly ceilings: GateCeilings;
}

interface ContinentGateEnv {
  readonly KEY_GATE: DurableObjectNamespace<KeyGate>;
  readonly LIMIT_LEDGER: DurableObjectNamespace<LimitLedger>;
}

export class ContinentGate extends DurableObject<ContinentGateEnv> {
  readonly #bounds: QuotaBounds;
  readonly #borrowed = new Borrowed();
  /** Without limits: those are with the home. It knows what is under way. */
  readonly #quota: Quota;
  /** As of the record that was last decided by. */
  #holding: Holding | undefined;
  /** Present while the home is asked. */
  #asking: Promise<void> | undefined;
  #idleTimer: number | null = null;

  constructor(state: DurableObjectState, env: ContinentGateEnv) {
    super(state, env);
    this.#bounds = loadConfig(env).quotaBounds;
    this.#quota = new Quota({ limits: {}, modelLimits: {} }, undefined, this.#bounds, Date.now());
  }

  async admit(question: AdmissionQuestion): Promise<Admission> {
    for (let round = 0; round < maxRounds; round += 1) {
      const holding = await this.#present(question.credential.keyId);
      const admission = holding === "outdated" ? holding : await this.#decide(question, holding);
      if (admission !== "outdated") return admission;
    }
    throw new Error("the key changed again and again");
  }

  /** See Quota.raise. Absent when the request is not under way. */
  async raise(requestId: string, tokens: number): Promise<Verdict | undefined> {
    if (this.#holding === undefined) return undefined;
    const { ceilings } = this.#holding;
    const cost = { requests: 0, tokens: Math.max(0, tokens - this.#quota.reservedFor(requestId)) };
    const raise = (nowMs: number): Verdict | undefined => {
      const verdict = this.#quota.raise(requestId, tokens, nowMs);
      if (verdict?.kind === "granted") ceilings.take(requestId, cost, nowMs);
      return verdict;
    };
    return ceilings.decideUnder(cost, raise, () => undefined);
  }

  /** Ends a request's reservation; see Quota.settle. */
  settle(requestId: string, usedTokens: number | undefined): boolean {
    const unusedTokens = this.#quota.settle(requestId, usedTokens, Date.now());
    if (unusedTokens === undefined) return false;
    this.#holding?.ceilings.giveBack(requestId, unusedTokens);
    this.#reportWhenIdle();
    return true;
  }

  /** The home has another word. Nothing is decided by an older one once this has returned. */
  recall(loan: Loan): void {
    this.#borrowed.recall(loan);
  }

  /** "outdated": the record that was decided by does not hold any more. */
  async #decide(question: AdmissionQuestion, holding: Holding | undefined): Promise<Admission | "outdated"> {
    const decision = decideAdmission(holding, question, Date.now());
    if (decision.kind === "refused") return decision;
    if (holding === undefined) return "outdated";
    const { record, ceilings } = holding;
    const principal = principalOf(record);
    const known = { kind: "admitted", principal, expiresAtMs: record.expiresAtMs, routing: routingOf(record) } as const;
    const { requestId, model, demand } = question;
    if (demand === undefined || model === undefined) {
      return { ...known, reservedTokens: undefined, isLeased: false, report: {} };
    }
    const ask = { requestId, model, ...this.#boundDemand(demand, record) };
    const cost = { requests: 1, tokens: this.#quota.tokensOf(ask) };
    const reserve = (nowMs: number): Verdict | "outdated" => {
      if (this.#borrowed.record(nowMs) !== record) return "outdated";
      const verdict = this.#quota.reserve({ ...ask, isCounted: ceilings.hasLimits }, nowMs);
      if (verdict.kind === "granted") ceilings.take(requestId, cost, nowMs);
      return verdict;
    };
    const verdict = await ceilings.decideUnder(cost, reserve, () => undefined);
    if (verdict === "outdated") return verdict;
    if (ceilings.needsCheck()) this.#behindRequests(ceilings.followUp(cost));
    this.#reportWhenIdle();
    if (verdict.kind !== "granted") return { kind: "limited", principal, refusal: verdict };
    const { tokens: reservedTokens, isLeased, report } = verdict;
    return { ...known, reservedTokens, isLeased, report };
  }

  /** One that does not say how much output it wants gets the default, or what its limits can hold. */
  #boundDemand({ promptTokens, outputTokens }: TokenDemand, { limits = {} }: KeyRecord): TokenDemand {
    const most = Math.min(this.#bounds.defaultOutputTokens, mostTokensUnder(limits) - promptTokens);
    return { promptTokens, outputTokens: outputTokens ?? Math.max(1, most) };
  }

  /** What the home vouches for now. Absent: it knows no such key. Rejects when it does not answer. */
  async #present(keyId: string): Promise<Holding | undefined | "outdated"> {
    if (this.#borrowed.record(Date.now()) === undefined) await this.#askHome(keyId);
    else if (this.#borrowed.isDue(Date.now())) this.#behindRequests(this.#askHome(keyId));
    const record = this.#borrowed.record(Date.now());
    // A key that is known and not vouched for: the answer was overtaken by a recall.
    if (record === undefined) return this.#borrowed.revision === undefined ? undefined : "outdated";
    if (record !== this.#holding?.record) {
      this.#holding = { record, access: new AccessRules(record), ceilings: this.#ceilingsUnder(record) };
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
    const loan = await waitAtMost<Loan | undefined>(homeTimeoutMs, Promise.resolve(asked), () => {
      throw new Error("the key's home did not answer in time");
    });
    if (loan !== undefined) this.#borrowed.renew(loan, askedAtMs);
  }

  /** Slices of limits that are not the key's any more are given up. */
  #ceilingsUnder(record: KeyRecord): GateCeilings {
    const { keyId, limits } = record;
    const known = this.#holding;
    if (known !== undefined && JSON.stringify(known.record.limits) === JSON.stringify(limits)) return known.ceilings;
    if (known !== undefined) this.#behindRequests(known.ceilings.report());
    const own: Ledger = { name: keyId, lease: async (order) => this.#home(keyId).lease(order) };
    const ledgers = [own, ...ledgersAbove(record, this.env.LIMIT_LEDGER)];
    const parts = { ledgers, gateName: this.ctx.id.name ?? keyId, timeoutMs: homeTimeoutMs };
    return new GateCeilings(parts, [], Date.now());
  }

  #home(keyId: string): DurableObjectStub<KeyGate> {
    return this.env.KEY_GATE.getByName(keyId);
  }

  #reportWhenIdle(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      if (this.#holding !== undefined) this.#behindRequests(this.#holding.ceilings.report());
    }, idleAfterMs);
  }

  /** Whoever cannot be reached now is asked, or told, later. */
  #behindRequests(work: Promise<void>): void {
    this.ctx.waitUntil(work.catch(() => undefined));
  }
}
