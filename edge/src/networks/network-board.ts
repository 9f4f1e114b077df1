// The one place that knows from which networks projects and the organization may be used: a single Durable Object. Gates do not
// ask it; isolates hold what it says (network-view.ts), so that a request costs no hop more.
import { DurableObject } from "cloudflare:workers";
import * as z from "zod/mini";

const listsPrefix = "networks:";
const revisionKey = "revision";

/** Of all owners together: what an isolate holds of them has a bound. */
const maxNetworks = 20_000;

const networks = z.optional(z.readonly(z.array(z.string())));
const listsSchema = z.object({ allowlist: networks, denylist: networks });

export type OwnerNetworks = Readonly<z.infer<typeof listsSchema>>;

interface OwnedNetworks {
  /** The id of a project or organization. */
  readonly ownerId: string;
  readonly lists: OwnerNetworks;
}

export interface NetworkSnapshot {
  /** Rises with every change. */
  readonly revision: number;
  readonly owners: readonly OwnedNetworks[];
}

export class NetworkBoard extends DurableObject {
  readonly #owners = new Map<string, OwnerNetworks>();
  #revision: number;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    const { kv } = state.storage;
    this.#revision = z.int().parse(kv.get(revisionKey) ?? 0);
    for (const [key, stored] of kv.list({ prefix: listsPrefix })) {
      this.#owners.set(key.slice(listsPrefix.length), listsSchema.parse(stored));
    }
  }

  /** All lists; absent when the caller has them already. */
  snapshot(knownRevision: number | undefined): NetworkSnapshot | undefined {
    if (knownRevision === this.#revision) return undefined;
    return { revision: this.#revision, owners: [...this.#owners].map(([ownerId, lists]) => ({ ownerId, lists })) };
  }

  listsOf(ownerId: string): OwnerNetworks {
    return this.#owners.get(ownerId) ?? {};
  }

  /** Replaces an owner's lists. False when all would be more than the board keeps. */
  set(ownerId: string, lists: OwnerNetworks): boolean {
    const others = [...this.#owners].filter(([id]) => id !== ownerId).map(([, one]) => numOf(one));
    if (others.reduce((sum, count) => sum + count, numOf(lists)) > maxNetworks) return false;
    const isEmpty = lists.allowlist === undefined && lists.denylist === undefined;
    if (isEmpty) {
      this.#owners.delete(ownerId);
      this.ctx.storage.kv.delete(listsPrefix + ownerId);
    } else {
      this.#owners.set(ownerId, lists);
      this.ctx.storage.kv.put(listsPrefix + ownerId, lists);
    }
    this.#revision += 1;
    this.ctx.storage.kv.put(revisionKey, this.#revision);
    return true;
  }
}

function numOf({ allowlist = [], denylist = [] }: OwnerNetworks): number {
  return allowlist.length + denylist.length;
}
