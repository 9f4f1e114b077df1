// Makes, changes and revokes keys: gate and directory, in the order that fails safe.
//
// There is no transaction over a Durable Object and D1.
// - Making a key: the gate first. A key in the directory therefore always works, and its text is handed out only when both
//   writes are done. If D1 fails, the gate is told to forget. If that fails too, a gate holds the hash of a secret that nobody
//   has seen: a few hundred bytes, and nothing that could be used.
// - Changing and rotating: D1 first, with the audit log's entry, so that nothing changes unnoticed.
// - Revoking: the gate first. The key is dead when the gate says so, even while D1 is down. If D1 then fails, the admin gets an
//   error, the listing says `active` until the call is repeated, and repeating it is safe.
import { AppError } from "@sluice/shared/errors.ts";
import type { Actor } from "#edge/auth/actor.ts";
import {
  type AdmissionMode,
  isLeasedKeyId,
  kindOfKeyId,
  mintApiKey,
  mintSecret,
  redactApiKey,
} from "#edge/auth/api-key.ts";
import type { KeyDescription } from "#edge/auth/key-gate.ts";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import type { KeyTerms } from "#edge/auth/key-record.ts";
import type { KeyTagger } from "#edge/auth/key-tag.ts";
import { hashSecret } from "#edge/auth/secret-hash.ts";
import { applyChange, type TermsChange } from "#edge/auth/terms-change.ts";
import type { Clock } from "#edge/clock.ts";
import type { Entropy } from "#edge/entropy.ts";
import type { LifetimePolicy } from "./key-expiry.ts";
import type { AuditLog } from "./audit-log.ts";
import type { Statement } from "./database.ts";
import { changedFields } from "./key-terms.ts";
import type { KeyDirectory, KeyEntry, ServiceAccountName } from "./key-directory.ts";
import { assertDivisible } from "./leased-terms.ts";
import type { Page } from "@sluice/shared/openai/page-query.ts";
import { secondsOrNull } from "./page.ts";

export interface KeyringParts {
  readonly gates: KeyGates;
  readonly directory: KeyDirectory;
  readonly audit: AuditLog;
  readonly tagger: KeyTagger;
  readonly lifetimes: LifetimePolicy;
  readonly entropy: Entropy;
  readonly now: Clock;
}

/** `null`: never. Absent: as the policy has it for a new key, as it is for one that is changed. */
type Expiry = number | null | undefined;

export interface KeyOrder {
  readonly projectId: string;
  /** Absent: a person makes it. */
  readonly serviceAccount?: ServiceAccountName;
  readonly name: string;
  readonly expiresAtMs: Expiry;
  /** Absent: strict. */
  readonly mode?: AdmissionMode;
  readonly terms: KeyTerms;
  /** Rows that are written with the key's own, before it. */
  readonly alongside?: readonly Statement[];
}

export interface NewSecret {
  readonly entry: KeyEntry;
  readonly description: KeyDescription;
  /** The key itself. It exists here and in the reply, and nowhere after. */
  readonly value: string;
}

export interface KnownKey {
  readonly entry: KeyEntry;
  /** As the gate has it. */
  readonly description: KeyDescription;
}

/** Keys that are revoked together: one question to each gate, one transaction for all. */
const revocationBatch = 50;

export class Keyring {
  readonly #parts: KeyringParts;

  constructor(parts: KeyringParts) {
    this.#parts = parts;
  }

  /** Throws `not_found` when there is no such project, and `invalid_value` for limits that a leased key cannot have. */
  async create(order: KeyOrder, actor: Actor): Promise<NewSecret> {
    const { gates, directory, audit, tagger, lifetimes, entropy, now } = this.#parts;
    const { projectId, serviceAccount, name, mode = "strict", terms, alongside = [] } = order;
    if (mode === "leased") assertDivisible(terms);
    const orgId = await directory.organizationOf(projectId);

    const { keyId, secret, text } = await mintApiKey(tagger, entropy, "project", mode);
    const createdAtMs = now();
    const expiresAtMs =
      (order.expiresAtMs === undefined ? createdAtMs + lifetimes.defaultMs : order.expiresAtMs) ?? undefined;
    const identity = { keyId, orgId, projectId, status: "active", createdAtMs } as const;
    const record = { ...terms, ...identity, ...(expiresAtMs !== undefined && { expiresAtMs }) };
    const redactedValue = redactApiKey(keyId);
    const named = { id: keyId, projectId, serviceAccount, name, redactedValue };
    const entry: KeyEntry = { ...named, status: "active", createdAtMs, expiresAtMs };
    const after = { name, expires_at: secondsOrNull(expiresAtMs), ...changedFields({}, terms).after };
    const event = { type: "api_key.created", projectId, targetId: keyId, after } as const;
    await gates.provision({ ...record, secretHash: await hashSecret(secret) });
    try {
      await directory.add(entry, ...alongside, await audit.entry(actor, event));
    } catch (thrown) {
      await gates.discard(keyId);
      throw thrown;
    }
    return { entry, description: { record, lastUsedAtMs: undefined }, value: text };
  }

  /** Throws `not_found` when the project has no such key. */
  async retrieve(projectId: string, keyId: string): Promise<KnownKey> {
    const { gates, directory } = this.#parts;
    const entry = kindOfKeyId(keyId) === "project" ? await directory.find(projectId, keyId) : undefined;
    const description = entry && (await gates.describe(keyId, projectId));
    if (entry === undefined || description === undefined) throw noSuchKey();
    return { entry, description };
  }

  /** Newest first; at most one more than the page's limit. With when each was last used, where its gate can say. */
  async list(projectId: string, page: Page): Promise<readonly ListedKey[]> {
    const { gates, directory } = this.#parts;
    const entries = await directory.list(projectId, page);
    return Promise.all(
      entries.map(async (entry) => ({ entry, lastUsedAtMs: await gates.lastUsedAtMs(entry.id, projectId) })),
    );
  }

  /** Changes what is given, from the next request on. Throws `not_found` when the project has no such key. */
  async change(
    projectId: string,
    keyId: string,
    terms: TermsChange,
    expiresAtMs: Expiry,
    actor: Actor,
  ): Promise<KnownKey> {
    const { gates, directory, audit } = this.#parts;
    const { entry, description } = await this.retrieve(projectId, keyId);
    const changed = applyChange(description.record, terms);
    if (isLeasedKeyId(keyId)) assertDivisible(changed);
    const { before, after } = changedFields(description.record, changed);
    const expiry = expiresAtMs === undefined ? entry.expiresAtMs : (expiresAtMs ?? undefined);
    const event = {
      type: "api_key.updated",
      projectId,
      targetId: keyId,
      before: { ...before, ...(expiresAtMs !== undefined && { expires_at: secondsOrNull(entry.expiresAtMs) }) },
      after: { ...after, ...(expiresAtMs !== undefined && { expires_at: secondsOrNull(expiry) }) },
    } as const;
    await directory.setExpiry(keyId, expiry, await audit.entry(actor, event));
    if (!(await gates.change(keyId, projectId, { terms, expiresAtMs }))) throw noSuchKey();
    return this.retrieve(projectId, keyId);
  }

  /**
   * Another secret for the key; the one it has is good for `overlapMs` more. Without a word about its expiry, a key that
   * expires lives from now as long as a new one. Throws `not_found` when the project has no such key.
   */
  async rotate(projectId: string, keyId: string, overlapMs: number, expiry: Expiry, actor: Actor): Promise<NewSecret> {
    const { gates, directory, audit, tagger, lifetimes, entropy, now } = this.#parts;
    const { entry, description } = await this.retrieve(projectId, keyId);
    if (description.record.status === "revoked") throw revoked();
    const renewedAtMs = description.record.expiresAtMs === undefined ? undefined : now() + lifetimes.defaultMs;
    const expiresAtMs = expiry === undefined ? renewedAtMs : (expiry ?? undefined);
    const after = { overlap_seconds: overlapMs / 1000, expires_at: secondsOrNull(expiresAtMs) };
    const before = { expires_at: secondsOrNull(entry.expiresAtMs) };
    const event = { type: "api_key.rotated", projectId, targetId: keyId, before, after } as const;
    const { secret, text } = await mintSecret(keyId, tagger, entropy);
    await directory.setExpiry(keyId, expiresAtMs, await audit.entry(actor, event));
    const rotation = { secretHash: await hashSecret(secret), overlapUntilMs: now() + overlapMs, expiresAtMs };
    const outcome = await gates.rotate(keyId, projectId, rotation);
    if (outcome === undefined) throw noSuchKey();
    if (outcome === "revoked") throw revoked();
    return { ...(await this.retrieve(projectId, keyId)), value: text };
  }

  /** Throws `not_found` when the project has no such key. Revoking twice is fine. */
  async revoke(projectId: string, keyId: string, actor: Actor): Promise<void> {
    const { gates, directory } = this.#parts;
    const isKnown = kindOfKeyId(keyId) === "project" && (await gates.revoke(keyId, projectId));
    if (!isKnown) throw noSuchKey();
    const entry = await directory.find(projectId, keyId);
    if (entry?.status === "active") await this.#noteRevoked(projectId, [keyId], actor);
  }

  /** All keys of the project; of one service account, where given. Repeating it goes on where a failure stopped it. */
  async revokeAll(projectId: string, actor: Actor, serviceAccountId?: string): Promise<void> {
    const { gates, directory } = this.#parts;
    for (;;) {
      const keyIds = await directory.listActive(projectId, serviceAccountId, revocationBatch);
      if (keyIds.length === 0) return;
      await Promise.all(keyIds.map(async (keyId) => gates.revoke(keyId, projectId)));
      await this.#noteRevoked(projectId, keyIds, actor);
    }
  }

  async #noteRevoked(projectId: string, keyIds: readonly string[], actor: Actor): Promise<void> {
    const { directory, audit } = this.#parts;
    const entryOf = async (targetId: string) => audit.entry(actor, { type: "api_key.deleted", projectId, targetId });
    await directory.markRevoked(keyIds, ...(await Promise.all(keyIds.map(entryOf))));
  }
}

export interface ListedKey {
  readonly entry: KeyEntry;
  /** Absent: never, or the gate does not answer. */
  readonly lastUsedAtMs: number | undefined;
}

function noSuchKey(): AppError {
  return new AppError("not_found", { publicText: "The project has no such key." });
}

function revoked(): AppError {
  return new AppError("invalid_value", { publicText: "The key is revoked. Make a new one." });
}
