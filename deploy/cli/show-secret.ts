import type { Thing } from "./admin-api.ts";
import type { Outcome } from "./command.ts";
import { field } from "./table.ts";

/** What a key that was made or rotated is told with, once. */
export function showSecret(key: Thing): Outcome {
  const { value, id, expires_at: expiresAt } = key;
  const end = expiresAt === null ? "never expires" : `expires ${field("expires_at")(key)}`;
  return {
    json: key,
    text: `${String(value)}\n\nThis is key ${String(id)}, which ${end}. Keep its value: it is not shown again.\n`,
  };
}
