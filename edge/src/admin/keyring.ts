// Makes and revokes keys: the two writes, gate and directory, in the order that fails safe.
//
// There is no transaction over a Durable Object and D1. The gate comes first both times:
// - Making a key: a key in the directory therefore always works, and its text is handed out only when both writes are done.
//   If D1 fails, the gate is told to forget. If that fails too, a gate holds the hash of a secret that nobody has seen:
//   a few hundred bytes, and nothing that could be used.
// - Revoking: the key is dead when the gate says so, even while D1 is down. If D1 then fails, the admin gets an error, the
//   listing says `active` until the call is repeated, and repeating it is safe.
import { AppError } from "@sluice/shared/errors.ts";
import { isKeyId, mintApiKey, redactApiKey } from "#edge/auth/api-key.ts";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import type { KeyTagger } from "#edge/auth/key-tag.ts";
import { hashSecret } from "#edge/auth/secret-hash.ts";
import type { KeyRecord, KeyTerms } from "#edge/auth/key-record.ts";
import type { Clock } from "#edge/clock.ts";
import type { Entropy } from "#edge/entropy.ts";
import type { KeyDirectory, KeyEntry, Page } from "./key-directory.ts";

export interface KeyringParts {
  readonly gates: KeyGates;
  readonly directory: KeyDirectory;
  readonly tagger: KeyTagger;
  readonly entropy: Entropy;
  readonly now: Clock;
}

export interface KeyOrder {
  readonly projectId: string;
  readonly name: string;
  /** Absent: the key never expires. */
  readonly lifetimeMs: number | undefined;
  readonly terms: KeyTerms;
}

export interface NewKey {
  readonly entry: KeyEntry;
  /** The key itself. It exists here and in the reply, and nowhere after. */
  readonly value: string;
}

export class Keyring {
  readonly #parts: KeyringParts;

  constructor(parts: KeyringParts) {
    this.#parts = parts;
  }

  /** Throws `not_found` when there is no such project. */
  async create({ projectId, name, lifetimeMs, terms }: KeyOrder): Promise<NewKey> {
    const { gates, directory, tagger, entropy, now } = this.#parts;
    const orgId = await directory.findOrganization(projectId);
    if (orgId === undefined) throw new AppError("not_found", { publicText: "There is no such project." });

    const { keyId, secret, text } = await mintApiKey(tagger, entropy);
    const createdAtMs = now();
    const expiresAtMs = lifetimeMs === undefined ? undefined : createdAtMs + lifetimeMs;
    const redactedValue = redactApiKey(keyId);
    const entry: KeyEntry = { id: keyId, projectId, name, redactedValue, status: "active", createdAtMs, expiresAtMs };
    const secretHash = await hashSecret(secret);
    const record: KeyRecord = { keyId, orgId, projectId, secretHash, status: "active", createdAtMs, expiresAtMs };
    await gates.provision({ ...record, ...terms });
    try {
      await directory.add(entry);
    } catch (thrown) {
      await gates.discard(keyId);
      throw thrown;
    }
    return { entry, value: text };
  }

  /** Changes what is given, from the next request on. Throws `not_found` when the project has no such key. */
  async changeTerms(projectId: string, keyId: string, terms: KeyTerms): Promise<void> {
    const isKnown = isKeyId(keyId) && (await this.#parts.gates.changeTerms(keyId, projectId, terms));
    if (!isKnown) throw new AppError("not_found", { publicText: "The project has no such key." });
  }

  async list(projectId: string, page: Page): Promise<readonly KeyEntry[]> {
    return this.#parts.directory.list(projectId, page);
  }

  /** Throws `not_found` when the project has no such key. Revoking twice is fine. */
  async revoke(projectId: string, keyId: string): Promise<void> {
    const isKnown = isKeyId(keyId) && (await this.#parts.gates.revoke(keyId, projectId));
    if (!isKnown) throw new AppError("not_found", { publicText: "The project has no such key." });
    await this.#parts.directory.markRevoked(keyId);
  }
}
