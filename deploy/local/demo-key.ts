// The key that `npm start` prints: made through the edge's own administration API, kept while it works.
import { readFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { writeStateFile } from "./state-file.ts";

const createdKeySchema = z.object({ value: z.string() });

/** More than one person can type, and less than would hide a runaway script. */
const demoLimits = { rpm: 600, tpm: 1_000_000, concurrency: 64, service_tiers: ["default", "flex", "priority"] };

/** Returns a key that the edge accepts. @throws Error when the edge refuses to make one. */
export async function obtainDemoKey(stateDir: string, edgeUrl: string, adminKey: string): Promise<string> {
  const file = path.join(stateDir, "demo-key");
  const kept = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (kept !== undefined && (await isAccepted(edgeUrl, kept))) return kept;
  const response = await fetch(`${edgeUrl}/v1/organization/projects/proj_default/api_keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "demo", ...demoLimits }),
  });
  if (!response.ok) throw new Error(`The edge did not make a demo key: ${response.status} ${await response.text()}`);
  const { value } = createdKeySchema.parse(await response.json());
  await writeStateFile(file, value);
  return value;
}

async function isAccepted(edgeUrl: string, key: string): Promise<boolean> {
  const response = await fetch(`${edgeUrl}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  await response.body?.cancel();
  return response.status !== 401;
}
