// The API key: `sk-sluice-<keyId>-<secret>-<tag>`.
//   keyId   80 random bits, after `admin-` for a key of the administration and `leased-` for a leased one: names the key's
//           gate and its row in the directory; not a secret
//   secret  200 random bits: the proof; only its hash is kept, in the gate
//   tag     50 bits of HMAC over all that stands before it
import type { Entropy } from "#edge/entropy.ts";
import { base32Class, encodeBase32 } from "#edge/base32.ts";
import { type KeyTagger, tagLength } from "./key-tag.ts";

const prefix = "sk-sluice-";
const keyIdSizeBytes = 10;
const secretSizeBytes = 25;
const adminPrefix = "admin-";
const leasedPrefix = "leased-";

const keyIdPattern = `(?:${adminPrefix}|${leasedPrefix})?${base32Class}{${(keyIdSizeBytes * 8) / 5}}`;
const secretPattern = `${base32Class}{${(secretSizeBytes * 8) / 5}}`;
const keyPattern = new RegExp(`^(${prefix}(${keyIdPattern})-(${secretPattern}))-(${base32Class}{${tagLength}})$`);

/** `project`: for inference, and what else its scopes say. `admin`: for the administration of the organization, and nothing else. */
export type KeyKind = "project" | "admin";

/**
 * Who admits a key's requests. `strict`: its one gate in the world. `leased`: a gate on each continent, from slices of its limits.
 * A Worker has to know before it has asked anybody, so the key's id says it, and a key keeps it for life.
 */
export type AdmissionMode = "strict" | "leased";

export interface ApiKey {
  readonly keyId: string;
  readonly secret: string;
}

/** A key at the only moment its text exists on our side. */
export interface MintedApiKey extends ApiKey {
  readonly text: string;
}

export async function mintApiKey(
  tagger: KeyTagger,
  entropy: Entropy,
  kind: KeyKind = "project",
  mode: AdmissionMode = "strict",
): Promise<MintedApiKey> {
  const marker = kind === "admin" ? adminPrefix : mode === "leased" ? leasedPrefix : "";
  const keyId = marker + encodeBase32(entropy(keyIdSizeBytes));
  return mintSecret(keyId, tagger, entropy);
}

/** Another secret for a key that exists. */
export async function mintSecret(keyId: string, tagger: KeyTagger, entropy: Entropy): Promise<MintedApiKey> {
  const secret = encodeBase32(entropy(secretSizeBytes));
  const tagged = `${prefix}${keyId}-${secret}`;
  return { keyId, secret, text: `${tagged}-${await tagger.tag(tagged)}` };
}

/** The parts of a key that this deployment minted; absent when the text is anything else. */
export async function parseApiKey(text: string, tagger: KeyTagger): Promise<ApiKey | undefined> {
  const [, tagged, keyId, secret, tag] = keyPattern.exec(text) ?? [];
  if (tagged === undefined || keyId === undefined || secret === undefined || tag === undefined) return undefined;
  return (await tagger.verify(tagged, tag)) ? { keyId, secret } : undefined;
}

/** Of what kind a key id is, minted or not; absent when the text is none. */
export function kindOfKeyId(text: string): KeyKind | undefined {
  if (!new RegExp(`^${keyIdPattern}$`).test(text)) return undefined;
  return text.startsWith(adminPrefix) ? "admin" : "project";
}

export function isLeasedKeyId(keyId: string): boolean {
  return keyId.startsWith(leasedPrefix);
}

/** What may be shown of a key after it was made: enough to tell which one it is. */
export function redactApiKey(keyId: string): string {
  return `${prefix}${keyId}-****`;
}
