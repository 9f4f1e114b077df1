// What a caller presented, checked as far as it can be without storage. Each kind leads to one gate.
import type { Tenant } from "./jwt/tenant.ts";
import type { Scope } from "./scope.ts";

export type Credential =
  /** The gate knows the secret's hash. */
  | { readonly kind: "secret"; readonly keyId: string; readonly secretHash: string }
  /** A token of ours, verified; the gate knows the key. */
  | ({
      readonly kind: "ownToken";
      readonly keyId: string;
      readonly scopes: readonly Scope[];
      /** Of the secret that it was issued for. */
      readonly secretMark: string;
    } & Lifetime)
  /** Nothing was shown: a key made a batch, and its gate is asked whether it still may. */
  | { readonly kind: "batch"; readonly keyId: string; readonly scopes: readonly Scope[] }
  /** An issuer's token, verified; the gate learns here whom it stands for. */
  | ({ readonly kind: "tenant"; readonly keyId: string } & Tenant & Lifetime);

interface Lifetime {
  /** A token is good until then, however long its request waits for a body, an answer that is under way or a ledger. */
  readonly untilMs: number;
}
