import { SignJWT } from "jose";
import { beforeAll, expect, test } from "vitest";
import { ownIssuer, OwnTokens } from "./own-tokens.ts";
import { deriveTokenKey, type TokenKey } from "./token-key.ts";

const secret = "tag-secret-of-the-tests-0123456789abcdef";

let key: TokenKey;
let nowMs = 1_800_000_000_000;
let tokens: OwnTokens;

beforeAll(async () => {
  key = await deriveTokenKey(secret);
  tokens = new OwnTokens(
    key,
    () => nowMs,
    (sizeBytes) => new Uint8Array(sizeBytes),
  );
});

test("one secret gives one key, in every isolate; another gives another", async () => {
  expect((await deriveTokenKey(secret)).publicJwk).toEqual(key.publicJwk);
  expect((await deriveTokenKey(`${secret}!`)).publicJwk.x).not.toBe(key.publicJwk.x);
});

test("a token says for which key it was issued, and what it may do, for fifteen minutes", async () => {
  const token = await tokens.issue({ keyId: "key", scopes: ["inference"], secretMark: "mark" });
  expect(OwnTokens.claims(token)).toBe(true);
  expect(await tokens.verify(token)).toEqual({
    kind: "valid",
    keyId: "key",
    scopes: ["inference"],
    secretMark: "mark",
    untilMs: nowMs + 900_000,
  });
  nowMs += 900_000;
  expect(await tokens.verify(token)).toEqual({ kind: "expired" });
});

test("a token by another secret's key, or of another type, is invalid", async () => {
  const { privateKey } = await deriveTokenKey(`${secret}!`);
  const nowS = Math.floor(nowMs / 1000);
  const sign = async (typ: string, signingKey: CryptoKey) =>
    new SignJWT({ scope: "inference", secret_mark: "mark" })
      .setProtectedHeader({ alg: "EdDSA", typ })
      .setIssuer(ownIssuer)
      .setAudience(ownIssuer)
      .setSubject("key")
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + 60)
      .sign(signingKey);
  expect((await tokens.verify(await sign("at+jwt", privateKey))).kind).toBe("invalid");
  expect((await tokens.verify(await sign("JWT", key.privateKey))).kind).toBe("invalid");
  expect((await tokens.verify(await sign("at+jwt", key.privateKey))).kind).toBe("valid");
});

test("no private part is published", () => {
  expect(Object.keys(tokens.jwks.keys[0] ?? {})).not.toContain("d");
});
