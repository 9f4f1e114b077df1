import { NetworkRules } from "#edge/ip/network-rules.ts";
import type { KeyTerms } from "./key-record.ts";
import { mayUseModel } from "./model-terms.ts";
import { ordinaryScopes, type Scope } from "./scope.ts";
import { ordinaryTiers, type ServiceTier } from "./service-tier.ts";

export interface AccessQuestion {
  /** All of them are needed. */
  readonly scopes: readonly Scope[];
  /** The caller's address as the platform saw it. Absent: nobody knows. */
  readonly ip: string | undefined;
  /** Of the page whose script asks. Absent: it is no page. */
  readonly origin: string | undefined;
  /** Absent when the request concerns no model in particular. */
  readonly model: string | undefined;
  readonly serviceTier: ServiceTier;
}

export type AccessRefusal =
  | "ip_not_allowed"
  | "origin_not_allowed"
  | "scope_missing"
  | "model_not_allowed"
  | "tier_not_allowed";

/** A credential's permissions, made ready to be asked. */
export class AccessRules {
  readonly #terms: KeyTerms;
  readonly #networks: NetworkRules;

  constructor(terms: KeyTerms) {
    this.#terms = terms;
    this.#networks = new NetworkRules({ allowlist: terms.ipAllowlist, denylist: terms.ipDenylist });
  }

  /** What speaks against the request; absent when it may go on. From where somebody asks is judged before what. */
  judge({ scopes, ip, origin, model, serviceTier }: AccessQuestion): AccessRefusal | undefined {
    if (!this.#networks.mayEnter(ip)) return "ip_not_allowed";
    if (origin !== undefined && !(this.#terms.origins?.includes(origin) ?? true)) return "origin_not_allowed";
    const held = this.#terms.scopes ?? ordinaryScopes;
    if (!scopes.every((scope) => held.includes(scope))) return "scope_missing";
    if (model !== undefined && !mayUseModel(model, this.#terms)) return "model_not_allowed";
    if (!(this.#terms.serviceTiers ?? ordinaryTiers).includes(serviceTier)) return "tier_not_allowed";
    return undefined;
  }
}
