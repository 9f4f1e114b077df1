import { readBytes } from "#edge/body/read-bytes.ts";
import { parseKeySet, type PublicKey } from "./key-set.ts";

const timeoutMs = 3_000;
const maxSizeBytes = 256 * 1024;

/**
 * An issuer's keys, from the address its administrator gave. Rejects when they cannot be had within bounds. Redirects are
 * not followed: the address was checked, where it leads was not.
 */
export async function fetchKeySet(url: string): Promise<readonly PublicKey[]> {
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the key set's address answered ${response.status}`);
  }
  const bytes = await readBytes(response, { maxBodyBytes: maxSizeBytes, bodyTimeoutMs: timeoutMs });
  const keys = parseKeySet(JSON.parse(new TextDecoder().decode(bytes)));
  if (keys === undefined || keys.length === 0) throw new Error("the address gave no key set with a usable key");
  return keys;
}
