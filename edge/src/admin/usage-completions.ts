// `GET /v1/organization/usage/completions`: tokens and requests over time. Source: OpenAI API reference, "Usage". Embeddings
// are among them, since they are computed and charged alike.
import { AppError } from "@sluice/shared/errors.ts";
import type { Handler } from "hono";
import * as z from "zod/mini";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";
import { toSeconds } from "./page.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { readQuery } from "./read-query.ts";
import { maxSums, type UsageReport, type UsageSum } from "./usage-report.ts";

const minuteMs = 60_000;

/** Lengths of a bucket, and how many there are on a page. Buckets begin at whole minutes, hours and days of UTC. */
const widths = {
  "1m": { widthMs: minuteMs, defaultLimit: 60, maxLimit: 1_440 },
  "1h": { widthMs: 60 * minuteMs, defaultLimit: 24, maxLimit: 168 },
  "1d": { widthMs: 24 * 60 * minuteMs, defaultLimit: 7, maxLimit: 31 },
} as const;

const seconds = z.coerce.number().check(z.int(), z.gte(0), z.lte(100_000_000_000));
const ids = z.optional(z.array(z.string()).check(z.maxLength(100)));

const querySchema = z.strictObject({
  start_time: seconds,
  end_time: z.optional(seconds),
  bucket_width: z._default(z.enum(["1m", "1h", "1d"]), "1d"),
  group_by: z._default(z.array(z.enum(["project_id", "api_key_id", "model"])), []),
  project_ids: ids,
  api_key_ids: ids,
  models: ids,
  limit: z.optional(z.coerce.number().check(z.int(), z.gte(1))),
  /** Start of the page's first bucket, as the page before it said. */
  page: z.optional(seconds),
});

export interface UsageAdminParts {
  readonly usageReport: UsageReport;
  readonly now: Clock;
}

export function reportCompletions({ usageReport, now }: UsageAdminParts): Handler<EdgeContext> {
  return async (c) => {
    const query = parseRequest(querySchema, readQuery(c.req.url));
    const { widthMs, defaultLimit, maxLimit } = widths[query.bucket_width];
    const { limit = defaultLimit } = query;
    if (limit > maxLimit) {
      const publicText = `Invalid 'limit': expected a value <= ${maxLimit} of buckets of ${query.bucket_width}.`;
      throw new AppError("invalid_value", { param: "limit", publicText });
    }
    const firstMs = Math.floor(((query.page ?? query.start_time) * 1000) / widthMs) * widthMs;
    const endMs = query.end_time === undefined ? now() + 1 : query.end_time * 1000;
    const pageEndMs = Math.min(endMs, firstMs + limit * widthMs);
    const numBuckets = Math.max(0, Math.ceil((pageEndMs - firstMs) / widthMs));
    const { ownUsageOf } = c.get("actor");
    const sums = await usageReport.sum({
      startMs: firstMs,
      endMs: pageEndMs,
      widthMs,
      groups: query.group_by,
      projectIds: query.project_ids,
      keyIds: ownUsageOf === undefined ? query.api_key_ids : [ownUsageOf],
      models: query.models,
    });
    if (sums.length > maxSums) {
      throw new AppError("invalid_value", {
        param: "limit",
        publicText: "The page is too large. Ask for fewer buckets.",
      });
    }
    const sumsOf = Map.groupBy(sums, ({ bucket }) => bucket);
    const data = Array.from({ length: numBuckets }, (_, index) => {
      const startMs = firstMs + index * widthMs;
      return {
        object: "bucket",
        start_time: toSeconds(startMs),
        end_time: toSeconds(startMs + widthMs),
        results: (sumsOf.get(index) ?? []).map(toWire),
      };
    });
    const hasMore = pageEndMs < endMs;
    return c.json({
      object: "page",
      data,
      has_more: hasMore,
      next_page: hasMore ? String(toSeconds(pageEndMs)) : null,
    });
  };
}

function toWire(sum: UsageSum) {
  return {
    object: "organization.usage.completions.result",
    input_tokens: sum.prompt_tokens,
    input_cached_tokens: sum.cached_tokens,
    output_tokens: sum.completion_tokens,
    num_model_requests: sum.num_requests,
    project_id: sum.project_id,
    api_key_id: sum.api_key_id,
    model: sum.model,
    user_id: null,
    batch: null,
    service_tier: null,
  };
}
