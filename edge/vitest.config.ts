// Units of the edge, inside workerd, with the bindings of wrangler.toml.
import { resolve } from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// Throwaway Ed25519 key, made for these tests alone.
const passportPrivateJwk = {
  kty: "OKP",
  crv: "Ed25519",
  d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
};

const regions = [
  { id: "near", url: "http://near.test", latitude: 52, longitude: 5, jurisdiction: "eu" },
  { id: "far", url: "http://far.test", latitude: 36, longitude: 140, jurisdiction: "jp" },
];

export default defineConfig({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: resolve(import.meta.dirname, "../wrangler.toml") },
      miniflare: {
        bindings: {
          REGIONS: JSON.stringify(regions),
          KEY_TAG_SECRET: "tag-secret-of-the-tests-0123456789abcdef",
          PASSPORT_PRIVATE_JWK: JSON.stringify(passportPrivateJwk),
          RECEIPT_SECRET: "receipt-secret-of-the-tests-0123456789abcdef",
          ADMIN_KEY: "admin-key-of-the-tests-0123456789abcdef",
        },
      },
    }),
  ],
  test: {
    name: "edge",
    root: import.meta.dirname,
    include: ["src/**/*.test.ts"],
    // One isolate for all files: starting one costs more than the tests in it. Tests name their own Durable Objects.
    isolate: false,
    hookTimeout: 60_000,
    testTimeout: 30_000,
  },
});
