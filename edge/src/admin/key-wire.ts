// A project's key as the admin API shows it. Source: OpenAI API reference, "Project API keys"; its terms and `status` are ours.
import { isLeasedKeyId } from "#edge/auth/api-key.ts";
import type { KeyDescription } from "#edge/auth/key-gate.ts";
import { termsToWire } from "./key-terms.ts";
import type { ListedKey } from "./keyring.ts";
import { toSeconds } from "./page.ts";
import type { KeyEntry } from "./key-directory.ts";

interface DescribedKey {
  readonly entry: KeyEntry;
  readonly description: KeyDescription;
}

export function listedKeyToWire({ entry, lastUsedAtMs }: ListedKey, nowMs: number) {
  const { serviceAccount, status, expiresAtMs } = entry;
  const hasExpired = expiresAtMs !== undefined && expiresAtMs <= nowMs;
  return {
    object: "organization.project.api_key",
    id: entry.id,
    name: entry.name,
    redacted_value: entry.redactedValue,
    status: status === "active" && hasExpired ? "expired" : status,
    admission: isLeasedKeyId(entry.id) ? "leased" : "strict",
    created_at: toSeconds(entry.createdAtMs),
    expires_at: expiresAtMs === undefined ? null : toSeconds(expiresAtMs),
    last_used_at: lastUsedAtMs === undefined ? null : toSeconds(lastUsedAtMs),
    owner_project_access: "active",
    owner:
      serviceAccount === undefined
        ? { type: "user" }
        : {
            type: "service_account",
            service_account: {
              object: "organization.project.service_account",
              id: serviceAccount.id,
              name: serviceAccount.name,
              created_at: toSeconds(serviceAccount.createdAtMs),
              role: "member",
            },
          },
  };
}

/** With its terms, as its gate has them. */
export function keyToWire({ entry, description: { record, lastUsedAtMs } }: DescribedKey, nowMs: number) {
  const { status, expiresAtMs } = record;
  const listed = listedKeyToWire({ entry: { ...entry, status, expiresAtMs }, lastUsedAtMs }, nowMs);
  return { ...listed, ...termsToWire(record) };
}
