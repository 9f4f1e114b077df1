import { importPKCS8, type JWK, exportJWK } from "jose";

/** The PKCS #8 frame of an Ed25519 private key, which its 32 bytes follow. Source: RFC 8410, section 7. */
const pkcs8Frame = Uint8Array.from([48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32]);

export interface TokenKey {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** As it is published; names the key by its thumbprint's stand-in, the first bytes of `x`. */
  readonly publicJwk: JWK & { readonly kid: string };
}

/**
 * The Ed25519 key that signs our own tokens, derived from the Worker's secret (HKDF, RFC 5869), so that a deployment has one
 * secret less to keep, and every isolate the same key.
 */
export async function deriveTokenKey(secret: string): Promise<TokenKey> {
  const bytes = new TextEncoder().encode(secret);
  const base = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits"]);
  const info = new TextEncoder().encode("sluice own tokens, Ed25519, 1");
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  const seed = new Uint8Array(await crypto.subtle.deriveBits(parameters, base, 256));
  const der = Uint8Array.from([...pkcs8Frame, ...seed]);
  const pem = `-----BEGIN PRIVATE KEY-----\n${btoa(String.fromCharCode(...der))}\n-----END PRIVATE KEY-----`;
  const privateKey = await importPKCS8(pem, "EdDSA", { extractable: true });
  const { x = "" } = await exportJWK(privateKey);
  const publicKey = await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x }, "Ed25519", true, [
    "verify",
  ]);
  return {
    privateKey,
    publicKey,
    publicJwk: { kty: "OKP", crv: "Ed25519", x, kid: x.slice(0, 16), use: "sig", alg: "EdDSA" },
  };
}
