// Asks regions in order until one answers. An answer starts with its headers: from then on the request is never repeated,
// because its tokens may have been computed and seen.
import { AppError } from "@sluice/shared/errors.ts";
import type { Clock } from "#edge/clock.ts";
import type { Region } from "#edge/routing/region.ts";
import type { Attempt, AttemptRecord } from "./attempt.ts";

/** When no region said when to come back. */
const defaultRetryAfterMs = 1_000;

export interface Answer {
  readonly region: Region;
  readonly response: Response;
}

/** How one region is asked; see attempt.ts. */
export type AskRegion = (region: Region) => Promise<Attempt>;

/**
 * The first answer, each region asked at most once; `record` hears of every attempt. When all fail, the last region's own
 * refusal is the answer if it is one a client can act on; otherwise throws `unavailable`.
 */
export async function failover(
  regions: readonly Region[],
  ask: AskRegion,
  record: (attempt: AttemptRecord) => void,
  now: Clock,
): Promise<Answer> {
  let refusal: Answer | undefined;
  for (const region of regions) {
    const startedAtMs = now();
    const result = await ask(region);
    record({ region: region.id, ...outcomeOf(result), durationMs: now() - startedAtMs });
    if (result.kind === "unreachable") continue;
    await refusal?.response.body?.cancel();
    if (result.kind === "answered") return result;
    refusal = result;
  }
  if (refusal !== undefined && isActionable(refusal.response)) return refusal;
  await refusal?.response.body?.cancel();
  throw new AppError("unavailable", { retryAfterMs: defaultRetryAfterMs, detail: "no region answered" });
}

function outcomeOf(result: Attempt): Pick<AttemptRecord, "outcome" | "status" | "cause"> {
  return result.kind === "unreachable"
    ? { outcome: result.kind, status: undefined, cause: String(result.cause) }
    : { outcome: result.kind, status: result.response.status, cause: undefined };
}

/** A full region's own words: OpenAI-shaped, with its own time to come back. Anything else came from something between. */
function isActionable(response: Response): boolean {
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  return isJson && (response.status === 429 || response.status === 503);
}
