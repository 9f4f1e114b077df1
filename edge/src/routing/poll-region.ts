import { type PassportKey, passportHeader, signPassport } from "@sluice/shared/passport.ts";
import { regionStatusSchema } from "@sluice/shared/region-status.ts";
import type { Clock } from "#edge/clock.ts";
import type { Region } from "./region.ts";
import type { RegionReport } from "./region-report.ts";

/** A healthy region answers from memory; this covers the far side of the planet and a busy event loop. */
const statusTimeoutMs = 1_500;

/**
 * Asks a region how it is. Never throws: a region that is silent, refuses us or speaks nonsense is `unreachable`, which is
 * what it is to a caller.
 */
export async function pollRegion(
  region: Region,
  requestId: string,
  passportKey: PassportKey,
  now: Clock,
): Promise<RegionReport> {
  try {
    const claims = { rid: requestId, org: "sluice", key: "region-board", priority: 0 };
    const response = await fetch(`${region.url}/status`, {
      headers: { [passportHeader]: await signPassport(claims, region.id, passportKey, now()) },
      redirect: "manual",
      signal: AbortSignal.timeout(statusTimeoutMs),
    });
    const parsed = regionStatusSchema.safeParse(await response.json());
    if (response.ok && parsed.success && parsed.data.region === region.id) {
      return { kind: "answered", regionId: region.id, checkedAtMs: now(), status: parsed.data };
    }
  } catch {
    // Refused, reset, timed out or not JSON: the reports tell these apart no further.
  }
  return { kind: "unreachable", regionId: region.id, checkedAtMs: now() };
}
