// Tokens that the edge itself issues to the holder of a key (OAuth 2.0 client credentials, RFC 6749, section 4.4), as JWT
// access tokens (RFC 9068). A token names its key and lives for minutes; the key's gate still decides on every request, so a
// key that is revoked takes its tokens with it, and so does a secret that is good no more.
import { decodeJwt, errors, jwtVerify, SignJWT } from "jose";
import * as z from "zod/mini";
import type { Scope } from "#edge/auth/scope.ts";
import { scopeSchema } from "#edge/auth/scope.ts";
import type { Clock } from "#edge/clock.ts";
import type { Entropy } from "#edge/entropy.ts";
import { newRequestId } from "#edge/request-id.ts";
import type { TokenKey } from "./token-key.ts";

/** Also the audience: these tokens are for nobody else. */
export const ownIssuer = "sluice-edge";

const algorithm = "EdDSA";
const type = "at+jwt";

/** Life of a token, in seconds. */
export const ownTokenLifetimeS = 900;

const claimsSchema = z.object({ sub: z.string(), scope: z.string(), exp: z.number(), secret_mark: z.string() });

export interface OwnTokenGrant {
  readonly keyId: string;
  /** At most those of the key; its gate sees to that. */
  readonly scopes: readonly Scope[];
  /** Of the secret that it is issued for. */
  readonly secretMark: string;
}

export type OwnTokenVerdict =
  | ({ readonly kind: "valid"; readonly untilMs: number } & OwnTokenGrant)
  | { readonly kind: "expired" }
  | { readonly kind: "invalid"; readonly reason: string };

export class OwnTokens {
  readonly #key: TokenKey;
  readonly #now: Clock;
  readonly #entropy: Entropy;

  constructor(key: TokenKey, now: Clock, entropy: Entropy) {
    this.#key = key;
    this.#now = now;
    this.#entropy = entropy;
  }

  /** Whether a token says that it is ours; that it is has yet to be verified. */
  static claims(token: string): boolean {
    try {
      return decodeJwt(token).iss === ownIssuer;
    } catch {
      return false;
    }
  }

  /** The keys that verify our tokens, for whoever wants to check one. */
  get jwks() {
    return { keys: [this.#key.publicJwk] };
  }

  async issue({ keyId, scopes, secretMark: mark }: OwnTokenGrant): Promise<string> {
    const issuedAtS = Math.floor(this.#now() / 1000);
    return new SignJWT({ scope: scopes.join(" "), client_id: keyId, secret_mark: mark })
      .setProtectedHeader({ alg: algorithm, typ: type, kid: this.#key.publicJwk.kid })
      .setIssuer(ownIssuer)
      .setAudience(ownIssuer)
      .setSubject(keyId)
      .setJti(newRequestId(this.#entropy))
      .setIssuedAt(issuedAtS)
      .setExpirationTime(issuedAtS + ownTokenLifetimeS)
      .sign(this.#key.privateKey);
  }

  async verify(token: string): Promise<OwnTokenVerdict> {
    try {
      const { payload } = await jwtVerify(token, this.#key.publicKey, {
        algorithms: [algorithm],
        typ: type,
        issuer: ownIssuer,
        audience: ownIssuer,
        currentDate: new Date(this.#now()),
        requiredClaims: ["exp", "iat", "sub"],
      });
      const { sub: keyId, scope, exp, secret_mark: mark } = claimsSchema.parse(payload);
      const scopes = scope.split(" ").filter(isScope);
      return { kind: "valid", keyId, scopes, secretMark: mark, untilMs: exp * 1000 };
    } catch (thrown) {
      if (thrown instanceof errors.JWTExpired) return { kind: "expired" };
      return { kind: "invalid", reason: thrown instanceof errors.JOSEError ? thrown.code : "malformed" };
    }
  }
}

function isScope(text: string): text is Scope {
  return scopeSchema.safeParse(text).success;
}
