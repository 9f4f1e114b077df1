import { expect, test } from "vitest";
import { readIngressConfig } from "./config.ts";

const good = {
  SLUICE_REGION: "eu-west",
  SLUICE_ENGINES: "engine-0:50051, [::1]:50051,dns:engines.local:50051",
  SLUICE_MODEL_DIR: "models/pocket/",
  SLUICE_RECEIPT_SECRET: "receipt-secret-0123456789-0123456789",
  SLUICE_PASSPORT_PUBLIC_JWK: '{"kty":"OKP","crv":"Ed25519","x":"abc"}',
};

test("takes its defaults from one place", () => {
  expect(readIngressConfig(good)).toMatchObject({
    host: "127.0.0.1",
    engineSources: [
      { kind: "fixed", address: "engine-0:50051" },
      { kind: "fixed", address: "[::1]:50051" },
      { kind: "dns", name: "engines.local", port: 50051 },
    ],
    dnsIntervalMs: 5_000,
    modelId: "pocket",
    outputFormats: { toolCalls: "auto", reasoning: "auto" },
    bodyLimits: { maxBytes: 4 * 1024 * 1024 },
    inFlightLimits: { requestTimeoutMs: 300_000 },
  });
});

test("an empty variable is an absent one", () => {
  expect(readIngressConfig({ ...good, SLUICE_MODEL_ID: "" }).modelId).toBe("pocket");
});

test.each<[string, string | undefined]>([
  ["SLUICE_REGION", undefined],
  ["SLUICE_ENGINES", "engine-0"],
  ["SLUICE_ENGINES", "engine-0:1,engine-0:1"],
  ["SLUICE_ENGINES", "dns:engines"],
  ["SLUICE_ENGINES", "http://engine-0:1"],
  ["SLUICE_DNS_INTERVAL_MS", "0"],
  ["SLUICE_MODEL_DIR", undefined],
  ["SLUICE_PASSPORT_PUBLIC_JWK", "{"],
  ["SLUICE_PASSPORT_PUBLIC_JWK", '{"kty":"OKP","crv":"Ed25519","x":"abc","d":"private"}'],
  ["SLUICE_INGRESS_PORT", "80x"],
  ["SLUICE_METRICS_PORT", "70000"],
  ["SLUICE_MAX_BODY_BYTES", "0"],
  ["SLUICE_REQUEST_TIMEOUT_MS", "9999999999"],
  ["SLUICE_LOG_LEVEL", "loud"],
  ["SLUICE_TOOL_CALL_PARSER", "xml"],
  ["SLUICE_REASONING_PARSER", "aloud"],
])("names %s when it is %j, in one line", (name, value) => {
  expect(() => readIngressConfig({ ...good, [name]: value })).toThrow(new RegExp(`^${name}: [^\\n]+$`));
});
