// A caller's token (JWT, RFC 7519), checked as RFC 8725 asks: the algorithm from our list, the key from the issuer that the
// token names and that we know, audience and times always.
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWK,
  type JWTVerifyGetKey,
} from "jose";
import type { Clock } from "#edge/clock.ts";
import { type Issuer, signatureAlgorithms } from "./issuer.ts";
import type { PublicKey } from "./key-set.ts";

/** Larger ones are refused unread. */
const maxTokenLength = 16_384;

export interface TokenSources {
  /** Every issuer of that `iss`; several organizations may trust one. */
  readonly issuersOf: (iss: string) => Promise<readonly Issuer[]>;
  /** Absent when no trustworthy keys can be had now. */
  readonly keysOf: (issuer: Issuer, kid: string | undefined) => Promise<readonly PublicKey[] | undefined>;
}

export type TokenVerdict =
  | {
      readonly kind: "valid";
      readonly issuer: Issuer;
      readonly claims: Readonly<Record<string, unknown>>;
      /** With the issuer's leeway. */
      readonly untilMs: number;
    }
  /**
   * The reason is for the log, and never holds a part of the token. What its caller may be told is absent unless the issuer signed
   * the token: who forges one learns nothing.
   */
  | { readonly kind: "invalid"; readonly reason: string; readonly told?: string }
  | { readonly kind: "expired" }
  /** The issuer's keys cannot be had, so nothing can be said of the token. */
  | { readonly kind: "keys_unavailable"; readonly issuerId: string };

/** Whether a bearer token has the form of a JWT: three parts of base64url. */
export function looksLikeToken(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

export class TokenVerifier {
  readonly #sources: TokenSources;
  readonly #now: Clock;
  // key set -> the same with its keys imported, which costs more than a signature
  readonly #imported = new WeakMap<readonly PublicKey[], JWTVerifyGetKey>();

  constructor(sources: TokenSources, now: Clock) {
    this.#sources = sources;
    this.#now = now;
  }

  async verify(token: string): Promise<TokenVerdict> {
    if (token.length > maxTokenLength) return invalid("too long");
    const unverified = readUnverified(token);
    if (unverified === undefined) return invalid("malformed");
    const { iss, audiences, kid } = unverified;
    const issuers = await this.#sources.issuersOf(iss);
    const issuer = issuers.find((candidate) => candidate.audiences.some((audience) => audiences.includes(audience)));
    if (issuer === undefined) return invalid(issuers.length === 0 ? "unknown issuer" : "wrong audience");
    const keys = await this.#sources.keysOf(issuer, kid);
    if (keys === undefined) return { kind: "keys_unavailable", issuerId: issuer.id };
    return verifyWith(token, issuer, this.#import(keys), this.#now());
  }

  #import(keys: readonly PublicKey[]): JWTVerifyGetKey {
    const imported = this.#imported.get(keys) ?? createLocalJWKSet({ keys: [...(keys as readonly JWK[])] });
    this.#imported.set(keys, imported);
    return imported;
  }
}

async function verifyWith(token: string, issuer: Issuer, keys: JWTVerifyGetKey, nowMs: number): Promise<TokenVerdict> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: [...signatureAlgorithms],
      issuer: issuer.issuer,
      audience: [...issuer.audiences],
      clockTolerance: issuer.leewayS,
      currentDate: new Date(nowMs),
      requiredClaims: ["exp", "iat"],
    });
    const { exp = Infinity, iat = 0 } = payload;
    if (exp - iat > issuer.maxLifetimeS) {
      return invalid("lives too long", `from 'iat' to 'exp' it lives longer than ${issuer.maxLifetimeS} seconds.`);
    }
    if (iat * 1000 > nowMs + issuer.leewayS * 1000)
      return invalid("issued in the future", "its 'iat' is in the future.");
    return { kind: "valid", issuer, claims: payload, untilMs: (exp + issuer.leewayS) * 1000 };
  } catch (thrown) {
    if (thrown instanceof errors.JWTExpired) return { kind: "expired" };
    if (thrown instanceof errors.JWTClaimValidationFailed) {
      const fault = thrown.reason === "missing" ? "is missing" : "does not hold";
      return invalid(`${thrown.claim} ${fault}`, `its '${thrown.claim}' ${fault}.`);
    }
    // Only jose's code: its messages may quote the token.
    return invalid(thrown instanceof errors.JOSEError ? thrown.code : "not verifiable");
  }
}

function readUnverified(token: string) {
  try {
    const { kid } = decodeProtectedHeader(token);
    const { iss, aud } = decodeJwt(token);
    if (typeof iss !== "string" || aud === undefined) return undefined;
    // jose types what a signer should have written.
    if (kid !== undefined && typeof (kid as unknown) !== "string") return undefined;
    return { iss, audiences: Array.isArray(aud) ? aud : [aud], kid };
  } catch {
    return undefined;
  }
}

function invalid(reason: string, told?: string): TokenVerdict {
  return { kind: "invalid", reason, ...(told !== undefined && { told }) };
}
