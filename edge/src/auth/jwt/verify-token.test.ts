import { exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, expect, test } from "vitest";
import { testIssuer } from "./test-issuer.ts";
import type { Issuer } from "./issuer.ts";
import { parseKeySet, type PublicKey } from "./key-set.ts";
import { looksLikeToken, TokenVerifier } from "./verify-token.ts";

const nowS = 1_800_000_000;

const issuer = testIssuer();

const goodClaims = { iss: issuer.issuer, aud: "sluice", sub: "user-1", iat: nowS - 10, exp: nowS + 600 };

let rsa: CryptoKeyPair;
let rsaJwk: PublicKey;
let ed: CryptoKeyPair;
let keys: readonly PublicKey[];

beforeAll(async () => {
  rsa = await generateKeyPair("RS256", { extractable: true });
  ed = await generateKeyPair("EdDSA", { extractable: true });
  const published = [
    { ...(await exportJWK(rsa.publicKey)), kid: "rsa" },
    { ...(await exportJWK(ed.publicKey)), kid: "ed" },
  ];
  keys = parseKeySet({ keys: published }) ?? [];
  const [first] = keys;
  if (first === undefined) throw new Error("no keys");
  rsaJwk = first;
});

function verify(
  token: string,
  { issuers = [issuer], known = keys }: { issuers?: Issuer[]; known?: readonly PublicKey[] } = {},
) {
  const sources = {
    issuersOf: async (iss: string) => issuers.filter((one) => one.issuer === iss),
    keysOf: async () => known,
  };
  return new TokenVerifier(sources, () => nowS * 1000).verify(token);
}

function sign(claims: JWTPayload, header: JWTHeaderParameters = { alg: "EdDSA", kid: "ed" }, key = ed.privateKey) {
  return new SignJWT(claims).setProtectedHeader(header).sign(key);
}

test("a good token names its issuer and tells its claims", async () => {
  expect(await verify(await sign(goodClaims))).toMatchObject({
    kind: "valid",
    issuer: { id: "iss_one" },
    claims: goodClaims,
  });
  const byRsa = await sign({ ...goodClaims, aud: ["x", "sluice-eu"] }, { alg: "RS256", kid: "rsa" }, rsa.privateKey);
  expect((await verify(byRsa)).kind).toBe("valid");
});

test.each([
  { what: "another audience", claims: { aud: "other" } },
  { what: "no audience", claims: { aud: undefined } },
  { what: "an unknown issuer", claims: { iss: "https://evil.example" } },
  { what: "an issuer that differs in a slash", claims: { iss: "https://id.example/" } },
  { what: "no issuer", claims: { iss: undefined } },
])("a token with $what is invalid, and nobody is told why", async ({ claims }) => {
  const verdict = await verify(await sign({ ...goodClaims, ...claims } as JWTPayload));
  expect(verdict).toEqual({ kind: "invalid", reason: expect.any(String) });
});

const signedButUnusable = [
  { what: "no expiry", claims: { exp: undefined }, told: "its 'exp' is missing." },
  { what: "no time of issue", claims: { iat: undefined }, told: "its 'iat' is missing." },
  {
    what: "a life beyond the issuer's longest",
    claims: { exp: nowS + 3_600 },
    told: "from 'iat' to 'exp' it lives longer than 3600 seconds.",
  },
  { what: "a time of issue beyond the leeway", claims: { iat: nowS + 31 }, told: "its 'iat' is in the future." },
  { what: "a beginning beyond the leeway", claims: { nbf: nowS + 31 }, told: "its 'nbf' does not hold." },
];

test.each(signedButUnusable)("a token with $what is invalid, and its holder is told why", async ({ claims, told }) => {
  const verdict = await verify(await sign({ ...goodClaims, ...claims } as JWTPayload));
  expect(verdict).toEqual({ kind: "invalid", reason: expect.any(String), told });
});

test("who signs with another key learns nothing of the claims", async () => {
  const other = await generateKeyPair("EdDSA");
  for (const { claims } of signedButUnusable) {
    const forged = await sign(
      { ...goodClaims, ...claims } as JWTPayload,
      { alg: "EdDSA", kid: "ed" },
      other.privateKey,
    );
    expect(await verify(forged)).toEqual({ kind: "invalid", reason: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
  }
});

test("a token expires after the leeway, not before", async () => {
  expect((await verify(await sign({ ...goodClaims, exp: nowS - 29 }))).kind).toBe("valid");
  expect((await verify(await sign({ ...goodClaims, exp: nowS - 31 }))).kind).toBe("expired");
});

test("an unsecured token is invalid", async () => {
  const token = new UnsecuredJWT(goodClaims).encode();
  expect((await verify(token)).kind).toBe("invalid");
  expect((await verify(`${token}AAAA`)).kind).toBe("invalid");
});

test("a public key is no HMAC secret", async () => {
  for (const secret of [JSON.stringify(rsaJwk), rsaJwk.kty === "RSA" ? rsaJwk.n : ""]) {
    const token = await new SignJWT(goodClaims)
      .setProtectedHeader({ alg: "HS256", kid: "rsa" })
      .sign(new TextEncoder().encode(secret));
    expect(await verify(token)).toMatchObject({ kind: "invalid", reason: "ERR_JOSE_ALG_NOT_ALLOWED" });
  }
});

test("a key that comes with the token is not used", async () => {
  const own = await generateKeyPair("EdDSA", { extractable: true });
  const token = await sign(
    goodClaims,
    { alg: "EdDSA", kid: "mine", jwk: await exportJWK(own.publicKey) },
    own.privateKey,
  );
  expect((await verify(token)).kind).toBe("invalid");
});

test("a token signed by another key is invalid, whatever kid it claims", async () => {
  const other = await generateKeyPair("EdDSA");
  for (const kid of ["ed", "rsa", "unknown"]) {
    expect((await verify(await sign(goodClaims, { alg: "EdDSA", kid }, other.privateKey))).kind).toBe("invalid");
  }
});

test("a changed claim breaks the signature", async () => {
  const [header, , signature] = (await sign(goodClaims)).split(".");
  const [, payload] = (await sign({ ...goodClaims, sub: "user-2" })).split(".");
  expect((await verify([header, payload, signature].join("."))).kind).toBe("invalid");
});

test("of issuers with one name, the audience decides", async () => {
  const other = testIssuer({ id: "iss_two", audiences: ["other"] });
  const token = await sign({ ...goodClaims, aud: "other" });
  expect(await verify(token, { issuers: [issuer, other] })).toMatchObject({ kind: "valid", issuer: { id: "iss_two" } });
});

test("without the issuer's keys nothing is said of the token", async () => {
  const sources = { issuersOf: async () => [issuer], keysOf: async () => undefined };
  const verdict = await new TokenVerifier(sources, () => nowS * 1000).verify(await sign(goodClaims));
  expect(verdict).toEqual({ kind: "keys_unavailable", issuerId: "iss_one" });
});

test("what is no token is invalid, and quickly so", async () => {
  for (const text of ["", "a.b.c", "....", "a".repeat(20_000), `${"a".repeat(9_000)}.${"b".repeat(9_000)}.c`]) {
    expect((await verify(text)).kind).toBe("invalid");
  }
});

test("a token has three parts of base64url, an API key has none", async () => {
  expect(looksLikeToken(await sign(goodClaims))).toBe(true);
  expect(["sk-sluice-a-b-c", "a.b", "a.b.c.d", "a..c", "a.b.c d"].some(looksLikeToken)).toBe(false);
});

test("a key set gives public keys for signatures only", () => {
  const secret = { kty: "oct", k: "c2VjcmV0" };
  const encrypting = { ...rsaJwk, use: "enc" };
  expect(parseKeySet({ keys: [secret, encrypting, { ...rsaJwk, d: "private" }, 7] })).toEqual([rsaJwk]);
  expect(parseKeySet({ keys: Array.from({ length: 65 }, () => rsaJwk) })).toBeUndefined();
  expect(parseKeySet([rsaJwk])).toBeUndefined();
});
