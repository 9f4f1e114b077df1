// Asks regions in order until one answers. An answer starts with its headers: from then on the request is never repeated,
// because its tokens may have been computed and seen.
import { AppError } from "@sluice/shared/errors.ts";
import type { Clock } from "#edge/clock.ts";
import type { Region } from "#edge/routing/region.ts";
import type { AttemptRecord, FinalAttempt } from "./attempt.ts";

/** When no region said when to come back. */
const defaultRetryAfterMs = 1_000;

export interface Answer {
  readonly region: Region;
  readonly response: Response;
}

export interface FailoverParts {
  /** How one region is asked; see attempt.ts. */
  readonly ask: (region: Region) => Promise<FinalAttempt>;
  /** Hears of every attempt. */
  readonly record: (attempt: AttemptRecord) => void;
  /** Asked before each attempt but the first; see retry-budget.ts. */
  readonly mayRetry: () => boolean;
  readonly now: Clock;
}

/**
 * The first answer, each region asked at most once. When all fail, or no further attempt may be made, the last region's own
 * refusal is the answer if it is one a client can act on; otherwise throws `unavailable`.
 */
export async function failover(regions: readonly Region[], parts: FailoverParts): Promise<Answer> {
  const { ask, record, mayRetry, now } = parts;
  let refusal: Answer | undefined;
  for (const [index, region] of regions.entries()) {
    if (index > 0 && !mayRetry()) break;
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

function outcomeOf(result: FinalAttempt): Omit<AttemptRecord, "region" | "durationMs"> {
  if (result.kind === "unreachable") {
    const nothing = { status: undefined, processingMs: undefined, retryAfterMs: undefined };
    return { outcome: result.kind, cause: String(result.cause), ...nothing };
  }
  const { status, headers } = result.response;
  return {
    outcome: result.kind,
    status,
    processingMs: millisecondsIn(headers, "openai-processing-ms"),
    retryAfterMs: millisecondsIn(headers, "retry-after-ms"),
    cause: undefined,
  };
}

function millisecondsIn(headers: Headers, name: string): number | undefined {
  const value = headers.get(name);
  return value !== null && /^\d{1,9}(\.\d+)?$/.test(value) ? Number(value) : undefined;
}

/** A full region's own words: OpenAI-shaped, with its own time to come back. Anything else came from something between. */
function isActionable(response: Response): boolean {
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  return isJson && (response.status === 429 || response.status === 503);
}
