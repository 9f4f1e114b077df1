// Tokens that the issuer's own key signed and that say odd things: what jose's signer would never write.
import { exportJWK, generateKeyPair } from "jose";
import { beforeAll, expect, test } from "vitest";
import { parseKeySet, type PublicKey } from "./key-set.ts";
import { tenantOf } from "./tenant.ts";
import { testIssuer } from "./test-issuer.ts";
import { TokenVerifier } from "./verify-token.ts";

const nowS = 1_800_000_000;
const issuer = testIssuer();
const good = { iss: issuer.issuer, aud: "sluice", sub: "user-1", iat: nowS - 10, exp: nowS + 600 };

let pair: CryptoKeyPair;
let keys: readonly PublicKey[];
/** The kids that were asked for. */
let kids: unknown[] = [];

beforeAll(async () => {
  pair = await generateKeyPair("EdDSA", { extractable: true });
  keys = parseKeySet({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "ed" }] }) ?? [];
});

function encode(text: string): string {
  return Buffer.from(text).toString("base64url");
}

/** Of header and payload as they are written here, the signature is good. */
async function verify(header: string, payload: string) {
  const signed = `${encode(header)}.${encode(payload)}`;
  const signature = await crypto.subtle.sign("Ed25519", pair.privateKey, Buffer.from(signed));
  const token = `${signed}.${Buffer.from(signature).toString("base64url")}`;
  const sources = {
    issuersOf: async (iss: string) => (iss === issuer.issuer ? [issuer] : []),
    keysOf: async (_: unknown, kid: unknown) => {
      kids.push(kid);
      return keys;
    },
  };
  kids = [];
  return new TokenVerifier(sources, () => nowS * 1000).verify(token);
}

const header = JSON.stringify({ alg: "EdDSA", kid: "ed" });
const claims = (changes: object = {}) => JSON.stringify({ ...good, ...changes });

test("as a control, a plain one is good", async () => {
  expect((await verify(header, claims())).kind).toBe("valid");
});

test.each([
  ["a critical extension that nobody knows", '{"alg":"EdDSA","kid":"ed","crit":["x"],"x":1}'],
  ["an empty list of critical extensions", '{"alg":"EdDSA","kid":"ed","crit":[]}'],
  ["a payload that is not encoded", '{"alg":"EdDSA","kid":"ed","b64":false,"crit":["b64"]}'],
  ["an algorithm in a list", '{"alg":["EdDSA"],"kid":"ed"}'],
  ["no algorithm", '{"kid":"ed"}'],
  ["two algorithms", '{"alg":"EdDSA","kid":"ed","alg":"none"}'],
  ["a kid that is a number", '{"alg":"EdDSA","kid":1}'],
  ["a kid that is an object", '{"alg":"EdDSA","kid":{"toString":"ed"}}'],
  ["a kid that is nothing", '{"alg":"EdDSA","kid":null}'],
  ["a header that is a list", '["EdDSA"]'],
])("a header with %s is none", async (_, odd) => {
  expect((await verify(odd, claims())).kind).toBe("invalid");
  expect(kids.every((kid) => kid === undefined || typeof kid === "string")).toBe(true);
});

test.each([
  ["an issuer in a list", claims({ iss: [good.iss] })],
  ["an audience that is a number", claims({ aud: 1 })],
  ["audiences that are none", claims({ aud: [] })],
  ["an audience within a list in a list", claims({ aud: [["sluice"]] })],
  ["an audience that is an object", claims({ aud: { sluice: true } })],
  ["an expiry that is a text", claims({ exp: String(good.exp) })],
  ["an expiry that never comes", `${claims().slice(0, -1)},"exp":1e999}`],
  ["an expiry before its issue", claims({ iat: nowS - 5, exp: nowS - 600 })],
  ["an issue in the far future", claims({ iat: nowS + 1e9, exp: nowS + 1e9 + 1 })],
  ["an issue before time began", claims({ iat: -1e300 })],
  ["a beginning that is a text", claims({ nbf: "0" })],
  ["claims that are a list", "[]"],
  ["claims that are null", "null"],
])("a token with %s is not valid", async (_, payload) => {
  expect((await verify(header, payload)).kind).not.toBe("valid");
});

test("of a claim that is there twice, all read the same one", async () => {
  const twice = `${claims().slice(0, -1)},"sub":"user-2","exp":${nowS + 60}}`;
  const verdict = await verify(header, twice);
  if (verdict.kind !== "valid") throw new Error(verdict.kind);
  expect(verdict.claims).toMatchObject({ sub: "user-2" });
  expect(verdict.untilMs).toBe((nowS + 60 + issuer.leewayS) * 1000);
  expect((await verify(header, `{"iss":"https://evil.example",${claims().slice(1)}`)).kind).toBe("valid");
  expect((await verify(header, `${claims().slice(0, -1)},"iss":"https://evil.example"}`)).kind).toBe("invalid");
});

test.each([[{}], [{ name: "user-1" }], [["user-1"]], [true], [null], [""], ["x".repeat(513)], [1.5], [2 ** 60]])(
  "a tenant that is called %j is none",
  async (sub) => {
    expect(await tenantOf(issuer, { ...good, sub })).toBeUndefined();
  },
);

test("tenants whose names would join alike have gates of their own", async () => {
  const ids = await Promise.all(
    ['a","b', "a", "1"].map(async (sub) => (await tenantOf(issuer, { ...good, sub }))?.record.keyId),
  );
  expect(new Set(ids).size).toBe(3);
});
