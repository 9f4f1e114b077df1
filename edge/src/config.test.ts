import { expect, test } from "vitest";
import { loadConfig } from "./config.ts";

const region = { id: "eu-west", url: "https://eu.test/", latitude: 52, longitude: 5, jurisdiction: "eu" };
const environment = {
  REGIONS: JSON.stringify([region]),
  KEY_TAG_SECRET: "k".repeat(32),
  PASSPORT_PRIVATE_JWK: '{"kty":"OKP","crv":"Ed25519","x":"x","d":"private-part"}',
  ADMIN_KEY: "a".repeat(32),
  RECEIPT_SECRET: "r".repeat(32),
};

test("a complete environment is a configuration, with bounds where none were given", () => {
  const { regions, bounds } = loadConfig({ ...environment, MAX_BODY_BYTES: "1000", unrelated: {} });
  expect(regions).toEqual([{ ...region, url: "https://eu.test" }]);
  expect(bounds).toMatchObject({ maxBodyBytes: 1000, maxAttempts: 3 });
});

test.each([
  { wrong: { REGIONS: undefined }, detail: "REGIONS is missing" },
  { wrong: { REGIONS: "{" }, detail: "REGIONS is not JSON" },
  { wrong: { REGIONS: "[]" }, detail: "REGIONS names no region" },
  { wrong: { REGIONS: JSON.stringify([region, region]) }, detail: "REGIONS names a region twice" },
  {
    wrong: { REGIONS: JSON.stringify([{ ...region, url: "ftp://x" }]) },
    detail: "REGIONS.0.url is not an http(s) URL",
  },
  { wrong: { REGIONS: JSON.stringify([{ ...region, latitude: 91 }]) }, detail: "REGIONS.0.latitude" },
  { wrong: { KEY_TAG_SECRET: undefined }, detail: "KEY_TAG_SECRET is missing" },
  { wrong: { ADMIN_KEY: "short" }, detail: "ADMIN_KEY is shorter than 32 characters" },
  { wrong: { PASSPORT_PRIVATE_JWK: '{"kty":"RSA","d":"private-part"}' }, detail: "PASSPORT_PRIVATE_JWK.kty" },
  { wrong: { RECEIPT_SECRET: "short" }, detail: "RECEIPT_SECRET is shorter than 32 characters" },
  { wrong: { GATE_FAIL_MODE: "ajar" }, detail: "GATE_FAIL_MODE is neither closed nor open" },
  { wrong: { MAX_ATTEMPTS: "0" }, detail: "MAX_ATTEMPTS is not positive" },
  { wrong: { MAX_BODY_BYTES: "4 MiB" }, detail: "MAX_BODY_BYTES" },
])("$wrong is named in the fault: $detail", ({ wrong, detail }) => {
  expect(() => loadConfig({ ...environment, ...wrong })).toThrow(detail);
});

test("a fault never quotes a value", () => {
  const wrong = { ADMIN_KEY: "pass-word", PASSPORT_PRIVATE_JWK: '{"d":"private-part"}' };
  expect(() => loadConfig({ ...environment, ...wrong })).toThrow(/^(?!.*(pass-word|private-part|kkkk)).*$/);
});
