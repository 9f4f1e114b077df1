import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { systemEntropy } from "#edge/entropy.ts";
import { jsonLogger } from "#edge/logger.ts";
import { AuditLog } from "./audit-log.ts";
import { Database } from "./database.ts";
import { DenialAudit } from "./denial-audit.ts";
import { KeyDirectory } from "./key-directory.ts";

/** Over a database without tables: what is written fails, and is logged. */
function denialAudit() {
  const clock = { nowMs: 1_000_000 };
  const database = new Database(env.DB, 1_000);
  const now = () => clock.nowMs;
  const audit = new AuditLog(database, systemEntropy, now);
  const denials = new DenialAudit({ audit, directory: new KeyDirectory(database), log: jsonLogger, now });
  return { clock, note: (keyId: string) => denials.note(keyId, "198.51.100.1") };
}

test("of a key one denial a minute is audited, and a failure to do so harms nobody", async () => {
  const { clock, note } = denialAudit();
  await expect(note("key")).resolves.toBeUndefined();
  expect(note("key")).toBeUndefined();
  clock.nowMs += 59_999;
  expect(note("key")).toBeUndefined();
  clock.nowMs += 1;
  await expect(note("key")).resolves.toBeUndefined();
});

test("of all keys together sixty denials a minute are audited", async () => {
  const { clock, note } = denialAudit();
  const written = Array.from({ length: 100 }, (_, index) => note(`key-${index}`)).filter((work) => work !== undefined);
  await Promise.all(written);
  expect(written).toHaveLength(60);
  clock.nowMs += 60_000;
  const later = note("key-99");
  expect(later).toBeInstanceOf(Promise);
  await later;
});
