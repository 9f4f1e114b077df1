// The gate of one API key: a Durable Object named by the key's id. There is one in the world, so what it decides is exact:
// a key revoked here is refused from the next request on, everywhere, and no limit is exceeded, whoever asks.
//
// Invariants:
// 1. Admission reads memory only; storage is read once, when the object wakes. A ledger is asked only when the slices of a
//    ceiling above the key are used up.
// 2. What was admitted is covered by what is stored before the caller hears of it. A write goes ahead of what was admitted,
//    so most admissions need none; one that does is held back by the output gate until the write is on disk.
// 3. A gate asked about a key that was never provisioned stores nothing, so the platform forgets it.
import { DurableObject } from "cloudflare:workers";
import * as z from "zod/mini";
import { loadConfig } from "#edge/config.ts";
import type { SliceAnswer, SliceOrder, Units } from "#edge/rate-limit/ceiling.ts";
import type { LimitLedger } from "#edge/rate-limit/limit-ledger.ts";
import { Quota, type QuotaBounds, type Refusal, storedQuotaSchema, type Verdict } from "#edge/rate-limit/quota.ts";
import type { Admission, AdmissionQuestion } from "./admission.ts";
import { AccessRules } from "./access-rules.ts";
import { isLeasedKeyId } from "./api-key.ts";
import { decideAdmission, type KnownKey, principalOf, routingOf } from "./decide-admission.ts";
import type { Tenant } from "./jwt/tenant.ts";
import { GateCeilings, ledgersAbove } from "./gate-ceilings.ts";
import { keyIdentitySchema, type KeyRecord, keyRecordSchema, type KeyTerms } from "./key-record.ts";
import { LastUse } from "./last-use.ts";
import type { ContinentGate } from "./leased/continent-gate.ts";
import { LeasedHome } from "./leased/leased-home.ts";
import type { Loan } from "./leased/loan.ts";
import { applyChange, type TermsChange } from "./terms-change.ts";

const recordKey = "record";
const quotaKey = "quota";
const unlimitedKey = "unlimited";

const unlimitedSchema = z.array(z.string());

/** Shorter than a Worker waits for its gate. */
const ledgerTimeoutMs = 2_000;

/** More rotations than that within an overlap are mistakes; the oldest secret ends. */
const maxPreviousSecrets = 4;

/** After so long without a request, what was written ahead is taken back: the platform may evict an idle object from 10 s on. */
const idleAfterMs = 5_000;

/** The key, and what it may still use. */
interface Holding extends KnownKey {
  readonly quota: Quota;
  readonly ceilings: GateCeilings;
}

/** A key as its administrators may see it. */
export interface KeyDescription {
  readonly record: Omit<KeyRecord, "secretHash" | "previousSecrets">;
  /** Absent: never. */
  readonly lastUsedAtMs: number | undefined;
}

export interface KeyChange {
  readonly terms: TermsChange;
  /** Absent: as it is. `null`: never. */
  readonly expiresAtMs: number | null | undefined;
}

export interface Rotation {
  readonly secretHash: string;
  /** Until then the secret before this one is good too, but never longer than the key was. */
  readonly overlapUntilMs: number;
  /** Of the key from now on. Absent: never. */
  readonly expiresAtMs: number | undefined;
}

interface GateEnv {
  readonly CONTINENT_GATE: DurableObjectNamespace<ContinentGate>;
  readonly LIMIT_LEDGER: DurableObjectNamespace<LimitLedger>;
}

export class KeyGate extends DurableObject<GateEnv> {
  readonly #bounds: QuotaBounds;
  /** Absent until the key is provisioned. */
  #holding: Holding | undefined;
  /** Absent for a key that only this gate admits. */
  #leasedHome: LeasedHome | undefined;
  #idleTimer: number | null = null;
  readonly #lastUse: LastUse;

  constructor(state: DurableObjectState, env: GateEnv) {
    super(state, env);
    this.#bounds = loadConfig(env).quotaBounds;
    this.#lastUse = new LastUse(state.storage.kv);
    const stored = state.storage.kv.get(recordKey);
    if (stored === undefined) return;
    const record = keyRecordSchema.parse(stored);
    this.#holding = this.#hold(record);
    this.#leasedHome = this.#openHome(record);
  }

  async admit(question: AdmissionQuestion): Promise<Admission> {
    if (question.credential.kind === "tenant") this.#adopt(question.credential.record);
    const decision = decideAdmission(this.#holding, question, Date.now());
    if (decision.kind === "refused") return decision;
    this.#lastUse.note(Date.now());
    const principal = principalOf(decision.record);
    const { expiresAtMs } = decision.record;
    const routing = routingOf(decision.record);
    const { requestId, model, demand } = question;
    const { quota, ceilings } = this.#present();
    if (demand === undefined || model === undefined) {
      const unlimited = { reservedTokens: undefined, isLeased: false, report: {} };
      return { kind: "admitted", principal, expiresAtMs, routing, ...unlimited };
    }
    const ask = { requestId, model, ...demand };
    const cost = { requests: 1, tokens: quota.tokensOf(ask) };
    const verdict = await this.#decideUnder(ceilings, cost, (nowMs) => {
      const decided = this.#present().quota.reserve({ ...ask, isCounted: ceilings.hasLimits }, nowMs);
      if (decided.kind === "granted") ceilings.take(requestId, cost, nowMs);
      return decided;
    });
    if (verdict.kind !== "granted") {
      return { kind: "limited", principal, refusal: { ...verdict, report: quota.report(model, Date.now()) } };
    }
    const { tokens: reservedTokens, isLeased, report } = verdict;
    return { kind: "admitted", principal, expiresAtMs, routing, reservedTokens, isLeased, report };
  }

  /** See Quota.raise. Absent when the request is not under way. */
  async raise(requestId: string, tokens: number): Promise<Verdict | undefined> {
    if (this.#holding === undefined) return undefined;
    const { quota, ceilings } = this.#holding;
    const cost = { requests: 0, tokens: Math.max(0, tokens - quota.reservedFor(requestId)) };
    return this.#decideUnder(ceilings, cost, (nowMs) => {
      const decided = this.#present().quota.raise(requestId, tokens, nowMs);
      if (decided?.kind === "granted") ceilings.take(requestId, cost, nowMs);
      return decided;
    });
  }

  /** Ends a request's reservation; see Quota.settle. */
  settle(requestId: string, usedTokens: number | undefined): boolean {
    const nowMs = Date.now();
    const unusedTokens = this.#holding?.quota.settle(requestId, usedTokens, nowMs);
    if (unusedTokens !== undefined) this.#holding?.ceilings.giveBack(requestId, unusedTokens);
    this.#cover(nowMs);
    return unusedTokens !== undefined;
  }

  /** Lets a continent's gate decide for a leased key, for as long as loan.ts says. Absent: there is no such key. */
  lend(borrower: string, knownRevision: number | undefined): Loan | undefined {
    if (this.#leasedHome !== undefined) this.#lastUse.note(Date.now());
    return this.#leasedHome?.lend(borrower, knownRevision);
  }

  /** Hands out a slice of a leased key's limits. */
  lease(order: SliceOrder): SliceAnswer {
    if (this.#leasedHome === undefined) throw new Error("the gate has no leased key");
    return this.#leasedHome.lease(order);
  }

  /** Makes the key usable. The caller mints ids at random, so a gate that already has a record is a broken invariant. */
  provision(record: KeyRecord): void {
    if (this.#holding !== undefined) throw new Error("the gate already has a key");
    this.#keep(record);
    this.#leasedHome = this.#openHome(record);
  }

  /** Absent when this gate has no key of that project. */
  describe(projectId: string): KeyDescription | undefined {
    const known = this.#recordOf(projectId);
    if (known === undefined) return undefined;
    const { secretHash: _, previousSecrets: __, ...record } = known;
    return { record, lastUsedAtMs: this.#lastUse.atMs };
  }

  /** Absent: never, or this gate has no key of that project. */
  lastUsedAtMs(projectId: string): number | undefined {
    return this.#recordOf(projectId) && this.#lastUse.atMs;
  }

  /** Changes what is given and leaves the rest; what was used stays used. False when this gate has no key of that project. */
  async change(projectId: string, { terms, expiresAtMs }: KeyChange): Promise<boolean> {
    const record = this.#recordOf(projectId);
    if (record === undefined) return false;
    this.#store(false, Date.now());
    const identity = keyIdentitySchema.parse(record);
    const changed = { ...identity, ...applyChange(record, terms) };
    this.#keep(expiresAtMs === undefined ? changed : withExpiry(changed, expiresAtMs ?? undefined));
    await this.#leasedHome?.recall();
    return true;
  }

  /** Gives the key another secret. Absent when this gate has no key of that project; a revoked one stays as it is. */
  async rotate(
    projectId: string,
    { secretHash, overlapUntilMs, expiresAtMs }: Rotation,
  ): Promise<"rotated" | "revoked" | undefined> {
    const record = this.#recordOf(projectId);
    if (record === undefined) return undefined;
    if (record.status === "revoked") return "revoked";
    this.#store(false, Date.now());
    const rotated = { ...record, secretHash, previousSecrets: previousSecretsOf(record, overlapUntilMs, Date.now()) };
    this.#keep(withExpiry(rotated, expiresAtMs));
    await this.#leasedHome?.recall();
    return "rotated";
  }

  /** Refuses the key from now on. False when this gate has no key of that project; revoking twice is fine. */
  async revoke(projectId: string): Promise<boolean> {
    const record = this.#recordOf(projectId);
    if (record === undefined) return false;
    if (record.status !== "revoked") this.#keep({ ...record, status: "revoked" });
    // Also the second time: the first may have died before all had heard of it.
    await this.#leasedHome?.recall();
    return true;
  }

  /** Forgets the key entirely, for one whose creation did not complete. */
  async discard(): Promise<void> {
    this.#holding = undefined;
    this.#leasedHome = undefined;
    await this.ctx.storage.deleteAll();
  }

  /** Takes a tenant as its token has it: what an issuer's administrator changed holds from the next token on. */
  #adopt(tenant: Tenant["record"]): void {
    const known = this.#holding?.record;
    const record: KeyRecord = { ...tenant, status: known?.status ?? tenant.status };
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(record)) return;
    this.#store(false, Date.now());
    this.#keep(record);
  }

  /** See GateCeilings.decideUnder. */
  async #decideUnder<Decision>(
    ceilings: GateCeilings,
    cost: Units,
    decide: (nowMs: number) => Decision,
  ): Promise<Decision | Refusal> {
    const decideAndCover = (nowMs: number): Decision => {
      const decision = decide(nowMs);
      this.#cover(nowMs);
      return decision;
    };
    const verdict = await ceilings.decideUnder(cost, decideAndCover, () => this.#noteUnlimited(ceilings));
    if (ceilings.needsCheck()) this.#behindRequests(ceilings, ceilings.followUp(cost));
    return verdict;
  }

  /** A ledger that cannot be reached now is asked, or told, later. */
  #behindRequests(ceilings: GateCeilings, asking: Promise<void>): void {
    const told = asking.then(
      () => this.#noteUnlimited(ceilings),
      () => undefined,
    );
    this.ctx.waitUntil(told);
  }

  /** Remembers through sleep which ceilings have no limits, so that a first request need not ask. */
  #noteUnlimited({ unlimited }: GateCeilings): void {
    const stored = unlimitedSchema.parse(this.ctx.storage.kv.get(unlimitedKey) ?? []);
    if (stored.join() !== unlimited.join()) this.ctx.storage.kv.put(unlimitedKey, [...unlimited]);
  }

  #recordOf(projectId: string): KeyRecord | undefined {
    return this.#holding?.record.projectId === projectId ? this.#holding.record : undefined;
  }

  #present(): Holding {
    if (this.#holding === undefined) throw new Error("the gate has no key");
    return this.#holding;
  }

  #keep(record: KeyRecord): void {
    // The output gate holds the reply back until the write is on disk, so the caller never hears of a lost one.
    this.ctx.storage.kv.put(recordKey, record);
    this.#holding = this.#hold(record);
    this.#leasedHome?.revise(record);
  }

  #openHome(record: KeyRecord): LeasedHome | undefined {
    if (!isLeasedKeyId(record.keyId)) return undefined;
    const { kv } = this.ctx.storage;
    const recall = async (borrower: string, loan: Loan) => this.env.CONTINENT_GATE.getByName(borrower).recall(loan);
    return new LeasedHome({ kv, recall }, record);
  }

  #hold(record: KeyRecord): Holding {
    const stored = this.ctx.storage.kv.get(quotaKey);
    // Those of a leased key are with its home.
    const own: KeyTerms = isLeasedKeyId(record.keyId) ? {} : record;
    const limits = { limits: own.limits ?? {}, modelLimits: own.modelLimits ?? {} };
    const storedQuota = stored === undefined ? undefined : storedQuotaSchema.parse(stored);
    const quota = new Quota(limits, storedQuota, this.#bounds, Date.now());
    const ceilings = this.#holding?.ceilings ?? this.#lookUp(record);
    return { record, access: new AccessRules(record), quota, ceilings };
  }

  #lookUp(record: KeyRecord): GateCeilings {
    const unlimited = unlimitedSchema.parse(this.ctx.storage.kv.get(unlimitedKey) ?? []);
    const ledgers = ledgersAbove(record, this.env.LIMIT_LEDGER);
    const parts = { ledgers, gateName: record.keyId, timeoutMs: ledgerTimeoutMs };
    return new GateCeilings(parts, unlimited, Date.now());
  }

  /** Keeps invariant 2. */
  #cover(nowMs: number): void {
    if (this.#holding === undefined) return;
    const { quota, ceilings } = this.#holding;
    if (quota.hasLimits && !quota.isCovered(nowMs)) this.#store(true, nowMs);
    if (!quota.hasLimits && !ceilings.hasLimits) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      this.#store(false, Date.now());
      this.#behindRequests(ceilings, ceilings.report());
    }, idleAfterMs);
  }

  #store(ahead: boolean, nowMs: number): void {
    if (this.#holding?.quota.hasLimits !== true) return;
    this.ctx.storage.kv.put(quotaKey, this.#holding.quota.toStored(ahead, nowMs));
  }
}

/** Those that are still good, the newest last. None outlives the overlap, nor the key as it was. */
function previousSecretsOf(
  { secretHash, previousSecrets = [], expiresAtMs = Infinity }: KeyRecord,
  overlapUntilMs: number,
  nowMs: number,
) {
  const endMs = Math.min(overlapUntilMs, expiresAtMs);
  const current = secretHash === undefined ? [] : [{ hash: secretHash, untilMs: endMs }];
  return [...previousSecrets, ...current]
    .map(({ hash, untilMs }) => ({ hash, untilMs: Math.min(untilMs, endMs) }))
    .filter(({ untilMs }) => untilMs > nowMs)
    .slice(-maxPreviousSecrets);
}

/** Absent: never. A stored record has no fields without a value. */
function withExpiry(record: KeyRecord, expiresAtMs: number | undefined): KeyRecord {
  const { expiresAtMs: _, ...others } = record;
  return { ...others, ...(expiresAtMs !== undefined && { expiresAtMs }) };
}
