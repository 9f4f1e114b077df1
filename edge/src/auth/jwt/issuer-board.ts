// The one place that knows every issuer and asks them for their keys: a single Durable Object, so that a thousand isolates
// ask an issuer as often as one would.
import { DurableObject } from "cloudflare:workers";
import * as z from "zod/mini";
import { fetchKeySet } from "./fetch-key-set.ts";
import { type Issuer, issuerSchema } from "./issuer.ts";
import { type FetchedKeys, IssuerKeys } from "./issuer-keys.ts";
import { publicKeySchema } from "./key-set.ts";

const issuerPrefix = "issuer:";
const retiredPrefix = "retired:";
const keysPrefix = "keys:";
const revisionKey = "revision";

/** What one isolate holds of all issuers has a bound, and so have issuers. */
const maxIssuers = 1_000;

const fetchedKeysSchema = z.object({ keys: z.array(publicKeySchema), fetchedAtMs: z.number() });

export interface IssuerList {
  /** Rises with every change of any issuer. */
  readonly revision: number;
  readonly issuers: readonly Issuer[];
}

/** Why an issuer was not taken. */
export type IssuerRefusal = "too_many" | "taken";

export class IssuerBoard extends DurableObject {
  readonly #issuers = new Map<string, Issuer>();
  /** Whose tokens are refused, until it is known that this was noted. */
  readonly #retired = new Map<string, Issuer>();
  // issuerId -> its keys, for those that publish them
  readonly #keys = new Map<string, IssuerKeys>();
  #revision: number;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    const { kv } = state.storage;
    this.#revision = z.int().parse(kv.get(revisionKey) ?? 0);
    for (const [, stored] of kv.list({ prefix: issuerPrefix })) {
      const issuer = issuerSchema.parse(stored);
      this.#issuers.set(issuer.id, issuer);
    }
    for (const [, stored] of kv.list({ prefix: retiredPrefix })) {
      const issuer = issuerSchema.parse(stored);
      this.#retired.set(issuer.id, issuer);
    }
  }

  /** All issuers; absent when the caller has them already. */
  list(knownRevision: number | undefined): IssuerList | undefined {
    if (knownRevision === this.#revision) return undefined;
    return { revision: this.#revision, issuers: [...this.#issuers.values()] };
  }

  /** The issuer's keys, as IssuerKeys.find has them. Absent also when there is no such issuer. */
  async keysOf(issuerId: string, kid: string | undefined): Promise<FetchedKeys | undefined> {
    const issuer = this.#issuers.get(issuerId);
    if (issuer === undefined) return undefined;
    if (issuer.keys.kind === "static") return { keys: issuer.keys.keys, fetchedAtMs: Date.now() };
    return this.#published(issuer.id, issuer.keys.url).find(kid);
  }

  /** Adds an issuer, or replaces the one of the same id. Absent when it was taken. */
  put(issuer: Issuer): IssuerRefusal | undefined {
    const isKnown = this.#issuers.has(issuer.id);
    if (!isKnown && this.#issuers.size + this.#retired.size >= maxIssuers) return "too_many";
    if ([...this.#issuers.values()].some((other) => other.id !== issuer.id && clash(other, issuer))) return "taken";
    this.#keys.delete(issuer.id);
    this.ctx.storage.kv.delete(keysPrefix + issuer.id);
    this.ctx.storage.kv.put(issuerPrefix + issuer.id, issuer);
    this.#issuers.set(issuer.id, issuer);
    this.#bumpRevision();
    return undefined;
  }

  /** Refuses the issuer's tokens from now on. Returns it, also when it was retired before; absent when there is none. */
  retire(issuerId: string): Issuer | undefined {
    const issuer = this.#issuers.get(issuerId);
    if (issuer === undefined) return this.#retired.get(issuerId);
    const { kv } = this.ctx.storage;
    this.#issuers.delete(issuerId);
    this.#keys.delete(issuerId);
    this.#retired.set(issuerId, issuer);
    kv.delete(issuerPrefix + issuerId);
    kv.delete(keysPrefix + issuerId);
    kv.put(retiredPrefix + issuerId, issuer);
    this.#bumpRevision();
    return issuer;
  }

  /** Nobody need know any more of an issuer that was retired. */
  forget(issuerId: string): void {
    this.#retired.delete(issuerId);
    this.ctx.storage.kv.delete(retiredPrefix + issuerId);
  }

  #published(issuerId: string, url: string): IssuerKeys {
    const known = this.#keys.get(issuerId);
    if (known !== undefined) return known;
    const stored = fetchedKeysSchema.safeParse(this.ctx.storage.kv.get(keysPrefix + issuerId));
    const fetchKeys = async () => {
      const keys = await fetchKeySet(url);
      // Kept, so that an issuer that is down when this object wakes does not lock its callers out.
      if (this.#issuers.has(issuerId)) {
        this.ctx.storage.kv.put(keysPrefix + issuerId, { keys, fetchedAtMs: Date.now() });
      }
      return keys;
    };
    const keys = new IssuerKeys(fetchKeys, Date.now, stored.success ? stored.data : undefined);
    this.#keys.set(issuerId, keys);
    return keys;
  }

  #bumpRevision(): void {
    this.#revision += 1;
    this.ctx.storage.kv.put(revisionKey, this.#revision);
  }
}

/** Two issuers that one token could mean. */
function clash(one: Issuer, other: Issuer): boolean {
  return one.issuer === other.issuer && one.audiences.some((audience) => other.audiences.includes(audience));
}
