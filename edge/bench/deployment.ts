// The bench's deployment: throwaway secrets, one region, one key with every kind of limit, none of which is ever reached.
import { generateKeyPairSync } from "node:crypto";
import type { KeyRecord } from "#edge/auth/key-record.ts";
import { mintApiKey } from "#edge/auth/api-key.ts";
import { KeyTagger } from "#edge/auth/key-tag.ts";
import { hashSecret } from "#edge/auth/secret-hash.ts";
import { systemEntropy } from "#edge/entropy.ts";

export const regionId = "bench";
export const receiptSecret = "receipt-secret-of-the-bench-0123456789abcdef";

const keyTagSecret = "tag-secret-of-the-bench-0123456789abcdef";

/** Variables and secrets of a Worker whose only region is at `regionUrl`. */
export function environmentOf(regionUrl: string): Readonly<Record<string, string>> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const region = { id: regionId, url: regionUrl, latitude: 52, longitude: 5, jurisdiction: "eu" };
  return {
    REGIONS: JSON.stringify([region]),
    KEY_TAG_SECRET: keyTagSecret,
    PASSPORT_PRIVATE_JWK: JSON.stringify(privateKey.export({ format: "jwk" })),
    ADMIN_KEY: "admin-key-of-the-bench-0123456789abcdef",
    RECEIPT_SECRET: receiptSecret,
  };
}

export interface BenchKey {
  /** What a caller sends. */
  readonly text: string;
  /** What its gate is to know. */
  readonly record: KeyRecord;
}

export async function mintBenchKey(): Promise<BenchKey> {
  const { text, keyId, secret } = await mintApiKey(await KeyTagger.fromSecret(keyTagSecret), systemEntropy);
  const record: KeyRecord = {
    keyId,
    orgId: "org_bench",
    projectId: "proj_bench",
    secretHash: await hashSecret(secret),
    status: "active",
    createdAtMs: Date.now(),
    limits: {
      requestsPerMinute: 100_000_000,
      requestsPerDay: 10_000_000,
      tokensPerMinute: 1_000_000_000,
      concurrentRequests: 5_000,
    },
  };
  return { text, record };
}
