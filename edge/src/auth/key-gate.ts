// The gate of one API key: a Durable Object named by the key's id. There is one in the world, so what it decides is exact:
// a key revoked here is refused from the next request on, everywhere.
//
// Invariants:
// 1. Admission reads memory only; storage is read once, when the object wakes, and written by the admin's acts alone.
// 2. A gate asked about a key that was never provisioned stores nothing, so the platform forgets it.
import { DurableObject } from "cloudflare:workers";
import { type Admission, type AdmissionQuestion, decideAdmission } from "./decide-admission.ts";
import { type KeyRecord, keyRecordSchema } from "./key-record.ts";

const recordKey = "record";

export class KeyGate extends DurableObject {
  /** Absent until the key is provisioned. */
  #record: KeyRecord | undefined;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    const stored = state.storage.kv.get(recordKey);
    this.#record = stored === undefined ? undefined : keyRecordSchema.parse(stored);
  }

  admit(question: AdmissionQuestion): Admission {
    return decideAdmission(this.#record, question);
  }

  /** Makes the key usable. The caller mints ids at random, so a gate that already has a record is a broken invariant. */
  provision(record: KeyRecord): void {
    if (this.#record !== undefined) throw new Error("the gate already has a key");
    this.#keep(record);
  }

  /** Refuses the key from now on. False when this gate has no key of that project; revoking twice is fine. */
  revoke(projectId: string): boolean {
    if (this.#record?.projectId !== projectId) return false;
    if (this.#record.status !== "revoked") this.#keep({ ...this.#record, status: "revoked" });
    return true;
  }

  /** Forgets the key entirely, for one whose creation did not complete. */
  async discard(): Promise<void> {
    this.#record = undefined;
    await this.ctx.storage.deleteAll();
  }

  #keep(record: KeyRecord): void {
    // The output gate holds the reply back until the write is on disk, so the caller never hears of a lost one.
    this.ctx.storage.kv.put(recordKey, record);
    this.#record = record;
  }
}
