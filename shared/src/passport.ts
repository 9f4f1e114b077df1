// The passport is the edge's word to a region: who asks, for which request, and how much was reserved. It is an EdDSA
// JWT (RFC 8037) that lives at most a minute; a region accepts nothing without one, so a region is safe on a public
// address.
import { type CryptoKey, importJWK, type JWK, jwtVerify, SignJWT } from "jose";
import * as z from "zod/mini";

/** Header that carries the passport from edge to region. */
export const passportHeader = "x-sluice-passport";

/** Longest life of a passport, in seconds. */
export const passportLifetimeS = 60;

const issuer = "sluice-edge";
const algorithm = "EdDSA";

const claimsSchema = z.object({
  /** Request id; also the `jti`. */
  rid: z.string(),
  org: z.string(),
  key: z.string(),
  /** The caller's address as Cloudflare saw it; absent on a loopback edge. */
  ip: z.optional(z.string()),
  /**
   * Most tokens the request may use, prompt and output together. A region that finds it to need more says so before it
   * computes anything; see reservation.ts. Absent: as many as it likes.
   */
  reservedTokens: z.optional(z.int()),
  /** The name of the response that the request makes, of one to `/v1/responses`. */
  responseId: z.optional(z.string()),
  /** Scheduling tier for the engines: lower runs first, 0 is default. */
  priority: z.int(),
  /** Base64url SHA-256 of the request body; absent when there is no body. */
  bodySha256: z.optional(z.string()),
});

export type PassportClaims = z.infer<typeof claimsSchema>;

export type PassportKey = CryptoKey | Uint8Array;

/** Imports an Ed25519 key in JWK form (private to sign, public to verify). Throws when the JWK is malformed. */
export async function importPassportKey(jwk: JWK): Promise<PassportKey> {
  return importJWK(jwk, algorithm);
}

/** Signs a passport for one request to one region (`audience` is the region id). */
export async function signPassport(
  claims: PassportClaims,
  audience: string,
  key: PassportKey,
  nowMs: number,
): Promise<string> {
  const issuedAtS = Math.floor(nowMs / 1000);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: algorithm })
    .setIssuer(issuer)
    .setAudience(audience)
    .setJti(claims.rid)
    .setIssuedAt(issuedAtS)
    .setExpirationTime(issuedAtS + passportLifetimeS)
    .sign(key);
}

/**
 * Verifies signature, issuer, audience and life, and returns the claims.
 * Throws jose's `JOSEError`s or a `ZodError` when anything is off; the caller answers all of them with `invalid_passport`.
 */
export async function verifyPassport(
  token: string,
  audience: string,
  key: PassportKey,
  nowMs: number,
): Promise<PassportClaims> {
  const { payload } = await jwtVerify(token, key, {
    algorithms: [algorithm],
    issuer,
    audience,
    currentDate: new Date(nowMs),
    maxTokenAge: passportLifetimeS,
    clockTolerance: 5,
  });
  return claimsSchema.parse(payload);
}

/** Base64url SHA-256 of a request body, as bound into its passport. */
export async function sha256Base64Url(body: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return btoa(String.fromCharCode(...digest))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
