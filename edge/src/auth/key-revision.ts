// What becomes of a key's record when its administrators change or rotate it.
import { type KeyRecord, keyIdentitySchema } from "./key-record.ts";
import { applyChange, type TermsChange } from "./terms-change.ts";

/** More rotations than that within an overlap are mistakes; the oldest secret ends. */
const maxPreviousSecrets = 4;

export interface KeyChange {
  readonly terms: TermsChange;
  /** Absent: as it is. `null`: never. */
  readonly expiresAtMs: number | null | undefined;
}

export interface Rotation {
  readonly secretHash: string;
  /** Until then the secret before this one is good too, but never longer than the key was. */
  readonly overlapUntilMs: number;
  /** Of the key from now on. Absent: never. */
  readonly expiresAtMs: number | undefined;
}

/** Changes what is given and leaves the rest. */
export function changeRecord(record: KeyRecord, { terms, expiresAtMs }: KeyChange): KeyRecord {
  const identity = keyIdentitySchema.parse(record);
  const changed = { ...identity, ...applyChange(record, terms) };
  return expiresAtMs === undefined ? changed : withExpiry(changed, expiresAtMs ?? undefined);
}

/** Another secret, beside those that are good for a while more. */
export function rotateRecord(record: KeyRecord, rotation: Rotation, nowMs: number): KeyRecord {
  const { secretHash, overlapUntilMs, expiresAtMs } = rotation;
  const previousSecrets = previousSecretsOf(record, overlapUntilMs, nowMs);
  return withExpiry({ ...record, secretHash, previousSecrets }, expiresAtMs);
}

/** Those that are still good, the newest last. None outlives the overlap, nor the key as it was. */
function previousSecretsOf(
  { secretHash, previousSecrets = [], expiresAtMs = Infinity }: KeyRecord,
  overlapUntilMs: number,
  nowMs: number,
) {
  const endMs = Math.min(overlapUntilMs, expiresAtMs);
  const current = secretHash === undefined ? [] : [{ hash: secretHash, untilMs: endMs }];
  return [...previousSecrets, ...current]
    .map(({ hash, untilMs }) => ({ hash, untilMs: Math.min(untilMs, endMs) }))
    .filter(({ untilMs }) => untilMs > nowMs)
    .slice(-maxPreviousSecrets);
}

/** Absent: never. A stored record has no fields without a value. */
function withExpiry(record: KeyRecord, expiresAtMs: number | undefined): KeyRecord {
  const { expiresAtMs: _, ...others } = record;
  return { ...others, ...(expiresAtMs !== undefined && { expiresAtMs }) };
}
