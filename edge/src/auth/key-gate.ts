// The gate of one API key: a Durable Object named by the key's id. There is one in the world, so what it decides is exact:
// a key revoked here is refused from the next request on, everywhere, and no limit is exceeded, whoever asks.
//
// Invariants:
// 1. Admission reads memory only; storage is read once, when the object wakes.
// 2. What was admitted is covered by what is stored before the caller hears of it. A write goes ahead of what was admitted,
//    so most admissions need none; one that does is held back by the output gate until the write is on disk.
// 3. A gate asked about a key that was never provisioned stores nothing, so the platform forgets it.
import { DurableObject } from "cloudflare:workers";
import { loadConfig } from "#edge/config.ts";
import { Quota, type QuotaBounds, storedQuotaSchema, type Verdict } from "#edge/rate-limit/quota.ts";
import type { Admission, AdmissionQuestion, RoutingTerms } from "./admission.ts";
import { AccessRules } from "./access-rules.ts";
import { decideAdmission, type KnownKey, principalOf } from "./decide-admission.ts";
import type { Tenant } from "./jwt/tenant.ts";
import { type KeyRecord, keyRecordSchema, type KeyTerms } from "./key-record.ts";

const recordKey = "record";
const quotaKey = "quota";

/** After so long without a request, what was written ahead is taken back: the platform may evict an idle object from 10 s on. */
const idleAfterMs = 5_000;

/** The key, and what it may still use. */
interface Holding extends KnownKey {
  readonly quota: Quota;
}

export class KeyGate extends DurableObject {
  readonly #bounds: QuotaBounds;
  /** Absent until the key is provisioned. */
  #holding: Holding | undefined;
  #idleTimer: number | null = null;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    this.#bounds = loadConfig(env).quotaBounds;
    const stored = state.storage.kv.get(recordKey);
    if (stored !== undefined) this.#holding = this.#hold(keyRecordSchema.parse(stored));
  }

  admit(question: AdmissionQuestion): Admission {
    const nowMs = Date.now();
    if (question.credential.kind === "tenant") this.#adopt(question.credential.record);
    const decision = decideAdmission(this.#holding, question, nowMs);
    if (decision.kind === "refused") return decision;
    const principal = principalOf(decision.record);
    const routing = routingOf(decision.record);
    const { requestId, model, demand } = question;
    const { quota } = this.#present();
    if (demand === undefined || model === undefined) {
      return { kind: "admitted", principal, routing, reservedTokens: undefined, isLeased: false, report: {} };
    }
    const verdict = quota.reserve({ requestId, model, ...demand }, nowMs);
    if (verdict.kind !== "granted") return { kind: "limited", principal, refusal: verdict };
    this.#cover(nowMs);
    const { tokens: reservedTokens, isLeased, report } = verdict;
    return { kind: "admitted", principal, routing, reservedTokens, isLeased, report };
  }

  /** See Quota.raise. Absent when the request is not under way. */
  raise(requestId: string, tokens: number): Verdict | undefined {
    const nowMs = Date.now();
    const verdict = this.#holding?.quota.raise(requestId, tokens, nowMs);
    this.#cover(nowMs);
    return verdict;
  }

  /** Ends a request's reservation; see Quota.settle. */
  settle(requestId: string, usedTokens: number | undefined): boolean {
    const nowMs = Date.now();
    const isSettled = this.#holding?.quota.settle(requestId, usedTokens, nowMs) ?? false;
    this.#cover(nowMs);
    return isSettled;
  }

  /** Makes the key usable. The caller mints ids at random, so a gate that already has a record is a broken invariant. */
  provision(record: KeyRecord): void {
    if (this.#holding !== undefined) throw new Error("the gate already has a key");
    this.#keep(record);
  }

  /** Changes what is given and leaves the rest; what was used stays used. False when this gate has no key of that project. */
  changeTerms(projectId: string, terms: KeyTerms): boolean {
    const record = this.#recordOf(projectId);
    if (record === undefined) return false;
    this.#store(false, Date.now());
    this.#keep({ ...record, ...terms });
    return true;
  }

  /** Refuses the key from now on. False when this gate has no key of that project; revoking twice is fine. */
  revoke(projectId: string): boolean {
    const record = this.#recordOf(projectId);
    if (record === undefined) return false;
    if (record.status !== "revoked") this.#keep({ ...record, status: "revoked" });
    return true;
  }

  /** Forgets the key entirely, for one whose creation did not complete. */
  async discard(): Promise<void> {
    this.#holding = undefined;
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
  }

  #hold(record: KeyRecord): Holding {
    const stored = this.ctx.storage.kv.get(quotaKey);
    const limits = { limits: record.limits ?? {}, modelLimits: record.modelLimits ?? {} };
    const storedQuota = stored === undefined ? undefined : storedQuotaSchema.parse(stored);
    const quota = new Quota(limits, storedQuota, this.#bounds, Date.now());
    return { record, access: new AccessRules(record), quota };
  }

  /** Keeps invariant 2. */
  #cover(nowMs: number): void {
    if (this.#holding?.quota.hasLimits !== true) return;
    if (!this.#holding.quota.isCovered(nowMs)) this.#store(true, nowMs);
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.#store(false, Date.now()), idleAfterMs);
  }

  #store(ahead: boolean, nowMs: number): void {
    if (this.#holding?.quota.hasLimits !== true) return;
    this.ctx.storage.kv.put(quotaKey, this.#holding.quota.toStored(ahead, nowMs));
  }
}

function routingOf({ jurisdictions, explainsRouting = false }: KeyRecord): RoutingTerms {
  return { jurisdictions, isExplained: explainsRouting };
}
