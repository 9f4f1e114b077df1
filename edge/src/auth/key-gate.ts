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
import type { Bindings } from "#edge/bindings.ts";
import { type Config, loadConfig } from "#edge/config.ts";
import type { SliceAnswer, SliceOrder } from "#edge/rate-limit/ceiling.ts";
import { claimUnderWay } from "#edge/rate-limit/places.ts";
import type { PlaceClaim, PlaceRecall } from "#edge/rate-limit/place-register.ts";
import { QuotaBook } from "#edge/rate-limit/quota-book.ts";
import type { QuotaLimits } from "#edge/rate-limit/quota.ts";
import type { Admission, GateQuestion, Raise } from "./admission.ts";
import { AccessRules } from "./access-rules.ts";
import { isLeasedKeyId } from "./api-key.ts";
import type { KnownKey } from "./decide-admission.ts";
import type { Tenant } from "./jwt/tenant.ts";
import type { GateSettlement } from "./gate-address.ts";
import { GateCeilings, ledgersAbove } from "./gate-ceilings.ts";
import { type KeyRecord, keyRecordSchema } from "./key-record.ts";
import { changeRecord, type KeyChange, rotateRecord, type Rotation } from "./key-revision.ts";
import { LastUse } from "./last-use.ts";
import { LeasedHome } from "./leased/leased-home.ts";
import type { Loan } from "./leased/loan.ts";
import { OrphanWatch } from "./orphan-watch.ts";
import { Turnstile } from "./turnstile.ts";

const recordKey = "record";
const unlimitedKey = "unlimited";

const unlimitedSchema = z.array(z.string());

/** The key, and what it may still use. */
interface Holding extends KnownKey {
  readonly book: QuotaBook;
  readonly turnstile: Turnstile;
}

/** A key as its administrators may see it. */
export interface KeyDescription {
  readonly record: Omit<KeyRecord, "secretHash" | "previousSecrets">;
  /** Absent: never. */
  readonly lastUsedAtMs: number | undefined;
}

export class KeyGate extends DurableObject<Bindings> {
  readonly #config: Config;
  /** Absent until the key is provisioned. */
  #holding: Holding | undefined;
  /** Absent for a key that only this gate admits. */
  #leasedHome: LeasedHome | undefined;
  readonly #lastUse: LastUse;
  readonly #orphans: OrphanWatch;

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env);
    this.#config = loadConfig(env);
    this.#lastUse = new LastUse(state.storage.kv);
    const { leaseMs } = this.#config.quotaBounds;
    this.#orphans = new OrphanWatch({ state, env, leaseMs, record: () => this.#holding?.record });
    const stored = state.storage.kv.get(recordKey);
    if (stored === undefined) return;
    const record = keyRecordSchema.parse(stored);
    this.#holding = this.#hold(record);
    this.#leasedHome = this.#openHome(record);
  }

  async admit(question: GateQuestion): Promise<Admission> {
    if (question.credential.kind === "tenant") this.#adopt(question.credential.record);
    if (this.#holding === undefined) return { kind: "refused", reason: "unknown_key" };
    const admission = await this.#holding.turnstile.admit(question, () => this.#holding);
    if (admission === "outdated") throw outdated();
    if (admission.kind !== "refused") this.#lastUse.note(Date.now());
    return admission;
  }

  /** See Turnstile.raise. */
  async raise(requestId: string, tokens: number): Promise<Raise | undefined> {
    const raise = await this.#holding?.turnstile.raise(requestId, tokens, () => this.#holding);
    if (raise === "outdated") throw outdated();
    return raise;
  }

  /** See Turnstile.settle. */
  settle(settlements: readonly GateSettlement[]): readonly boolean[] {
    return this.#holding?.turnstile.settle(settlements) ?? settlements.map(() => false);
  }

  /** Charges requests that nobody settled. */
  override async alarm(): Promise<void> {
    if (this.#holding !== undefined) await this.#orphans.alarm(this.#holding.book.quota);
  }

  /** Lets a continent's gate decide for a leased key, for as long as loan.ts says. Absent: there is no such key. */
  lend(borrower: string, knownRevision: number | undefined): Loan | undefined {
    if (this.#leasedHome !== undefined) this.#lastUse.note(Date.now());
    return this.#leasedHome?.lend(borrower, knownRevision);
  }

  /** Hands out a slice of a leased key's limits: those of one model, if that is given. */
  async lease(order: SliceOrder, model?: string): Promise<SliceAnswer> {
    if (this.#leasedHome === undefined) throw new Error("the gate has no leased key");
    return this.#leasedHome.lease(order, model);
  }

  /** A ledger above is short of places. Returns what this gate has use for: it has given up the others. */
  recallPlaces(ledgerName: string, session: string): PlaceClaim {
    return this.#holding?.turnstile.recallPlaces(ledgerName, session) ?? claimUnderWay(session, 0);
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
  async change(projectId: string, change: KeyChange): Promise<boolean> {
    const record = this.#recordOf(projectId);
    if (record === undefined) return false;
    this.#keep(changeRecord(record, change));
    await this.#leasedHome?.recall();
    return true;
  }

  /** Gives the key another secret. Absent when this gate has no key of that project; a revoked one stays as it is. */
  async rotate(projectId: string, rotation: Rotation): Promise<"rotated" | "revoked" | undefined> {
    const record = this.#recordOf(projectId);
    if (record === undefined) return undefined;
    if (record.status === "revoked") return "revoked";
    this.#keep(rotateRecord(record, rotation, Date.now()));
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
    if (known === undefined || JSON.stringify(known) !== JSON.stringify(record)) this.#keep(record);
  }

  /** Remembers through sleep which ceilings have no limits, so that a first request need not ask. */
  #noteUnlimited({ unlimited }: GateCeilings): void {
    const stored = unlimitedSchema.parse(this.ctx.storage.kv.get(unlimitedKey) ?? []);
    if (stored.join() !== unlimited.join()) this.ctx.storage.kv.put(unlimitedKey, [...unlimited]);
  }

  #recordOf(projectId: string): KeyRecord | undefined {
    return this.#holding?.record.projectId === projectId ? this.#holding.record : undefined;
  }

  #keep(record: KeyRecord): void {
    // The output gate holds the reply back until the write is on disk, so the caller never hears of a lost one.
    this.ctx.storage.kv.put(recordKey, record);
    this.#holding = this.#hold(record);
    this.#leasedHome?.revise(record);
  }

  #openHome(record: KeyRecord): LeasedHome | undefined {
    if (!isLeasedKeyId(record.keyId)) return undefined;
    const gateOf = (name: string) => this.env.CONTINENT_GATE.getByName(name);
    const recall = async (borrower: string, loan: Loan) => gateOf(borrower).recall(loan);
    const recallPlaces = async (ledger: string, { gate, session }: PlaceRecall) =>
      gateOf(gate).recallPlaces(ledger, session);
    const { quotaBounds, bounds } = this.#config;
    const times = { leaseMs: quotaBounds.leaseMs, recallTimeoutMs: bounds.ledgerTimeoutMs / 2 };
    return new LeasedHome({ kv: this.ctx.storage.kv, ...times, recall, recallPlaces }, record);
  }

  #hold(record: KeyRecord): Holding {
    const access = new AccessRules(record);
    const known = this.#holding;
    if (known === undefined) return { record, access, ...this.#open(record) };
    known.book.setLimits(limitsOf(record));
    return { ...known, record, access };
  }

  #open(record: KeyRecord): Omit<Holding, keyof KnownKey> {
    const { kv } = this.ctx.storage;
    const book = new QuotaBook(kv, limitsOf(record), this.#config.quotaBounds);
    const ledgers = ledgersAbove(record, this.env.LIMIT_LEDGER);
    const unlimited = unlimitedSchema.parse(kv.get(unlimitedKey) ?? []);
    const numUnderWay = (nowMs: number, model?: string) => book.quota.numUnderWay(nowMs, model);
    const parts = { ledgers, gateName: record.keyId, timeoutMs: this.#config.bounds.ledgerTimeoutMs, numUnderWay };
    const ceilings = new GateCeilings(parts, unlimited, Date.now());
    const onAnswer = () => this.#noteUnlimited(ceilings);
    const waitUntil = (work: Promise<void>) => this.ctx.waitUntil(work);
    return { book, turnstile: new Turnstile({ book, ceilings, onAnswer, orphans: this.#orphans, waitUntil }) };
  }
}

function outdated(): Error {
  return new Error("a record that this gate keeps cannot be outdated");
}

/** Those that the gate itself counts. A leased key's are with its home, and counted on the continents. */
function limitsOf({ keyId, limits = {}, modelLimits = {} }: KeyRecord): QuotaLimits {
  return isLeasedKeyId(keyId) ? { limits: {}, modelLimits: {} } : { limits, modelLimits };
}
