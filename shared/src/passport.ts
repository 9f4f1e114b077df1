// The passport is the edge's word to a region: who asks, for which request, and how much was reserved. It is an EdDSA
// JWT (RFC 8037) that lives at most a minute; a region accepts nothing without one, so a region is safe on a public
// address.
import { type CryptoKey, importJWK, type JWK, jwtVerify } from "jose";
import * as z from "zod/mini";
import { encodeBase64Url } from "./base64-url.ts";

/** Header that carries the passport from edge to region. */
export const passportHeader = "x-sluice-passport";

/** Longest life of a passport, in seconds. */
export const passportLifetimeS = 60;

const issuer = "sluice-edge";
const algorithm = "EdDSA";
const encoder = new TextEncoder();
const protectedHeader = encodeBase64Url(encoder.encode(JSON.stringify({ alg: algorithm })));

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

export type PassportKey = CryptoKey;

/** Imports an Ed25519 key in JWK form (private to sign, public to verify). Throws when the JWK is malformed. */
export async function importPassportKey(jwk: JWK): Promise<PassportKey> {
  const key = await importJWK(jwk, algorithm);
  // Only a symmetric key would be bytes.
  if (key instanceof Uint8Array) throw new TypeError("the passport key is symmetric");
  return key;
}

/**
 * Signs a passport for one request to one region (`audience` is the region id). Written out, since a library that builds any
 * token costs as much again as the signature.
 */
export async function signPassport(
  claims: PassportClaims,
  audience: string,
  key: PassportKey,
  nowMs: number,
): Promise<string> {
  const iat = Math.floor(nowMs / 1000);
  const payload = { ...claims, iss: issuer, aud: audience, jti: claims.rid, iat, exp: iat + passportLifetimeS };
  const signed = `${protectedHeader}.${encodeBase64Url(encoder.encode(JSON.stringify(payload)))}`;
  const signature = await crypto.subtle.sign("Ed25519", key, encoder.encode(signed));
  return `${signed}.${encodeBase64Url(new Uint8Array(signature))}`;
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
  return encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", body)));
}
