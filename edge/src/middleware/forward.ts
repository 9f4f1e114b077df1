import { AppError } from "@sluice/shared/errors.ts";
import type { PassportKey } from "@sluice/shared/passport.ts";
import { receiptHeader } from "@sluice/shared/receipt.ts";
import type { Context, Handler } from "hono";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import { placeOf } from "#edge/auth/leased/place.ts";
import { priorityOfTier } from "#edge/auth/service-tier.ts";
import type { Clock } from "#edge/clock.ts";
import type { Bounds } from "#edge/config.ts";
import type { EdgeContext } from "#edge/context.ts";
import { identityError } from "#edge/middleware/admit.ts";
import { askRegion } from "#edge/proxy/ask-region.ts";
import type { AttemptRecord, FinalAttempt } from "#edge/proxy/attempt.ts";
import type { AskedRegion } from "#edge/proxy/collect-receipts.ts";
import { failover } from "#edge/proxy/failover.ts";
import { regionHeaders, type RegionRequest } from "#edge/proxy/region-request.ts";
import { keepEvents } from "#edge/proxy/keep-events.ts";
import { brokenStreamEvent, type Ending, type Relay, relayEvents } from "#edge/proxy/relay-events.ts";
import type { RetryBudget } from "#edge/proxy/retry-budget.ts";
import { isEventStream, replyHeaders } from "#edge/proxy/reply-headers.ts";
import { refusalError } from "#edge/rate-limit/refusal-error.ts";
import { pollRegion } from "#edge/routing/poll-region.ts";
import type { Region } from "#edge/routing/region.ts";
import type { RegionExperience } from "#edge/routing/region-experience.ts";

/** How often a region is asked whether it is there while an answer is computed: so many times what a stream's start may take. */
const vigilShare = 2;

export interface ForwardParts {
  readonly passportKey: PassportKey;
  readonly gates: KeyGates;
  readonly experience: RegionExperience;
  readonly retryBudget: RetryBudget;
  readonly bounds: Bounds;
  readonly now: Clock;
}

/** How a region's answer reaches the caller. Undefined: as it is, and nobody need know how it ended. */
export type RelayAnswer = (
  c: Context<EdgeContext>,
  response: Response,
  isStream: boolean,
) => Relay | undefined | Promise<Relay | undefined>;

/** The last step: asks the ranked regions and passes the answer through. */
export function forward(parts: ForwardParts, relayAnswer: RelayAnswer = relayPlainly): Handler<EdgeContext> {
  const { passportKey, gates, experience, retryBudget, bounds, now } = parts;
  return async (c) => {
    let request = await regionRequest(c);
    const isStreamed = c.get("body")?.stream === true;
    const isThere = async (region: Region) => answersAtAll(region, c.get("requestId"), parts);
    const vigilOver = (region: Region) => ({
      everyMs: vigilShare * bounds.streamStartTimeoutMs,
      isThere: async () => isThere(region),
    });
    const options = {
      passportKey,
      now,
      startTimeoutMs: isStreamed ? bounds.streamStartTimeoutMs : bounds.answerTimeoutMs,
      ...(!isStreamed && { vigilOver }),
      answerTimeoutMs: bounds.answerTimeoutMs,
      // A retry will ask for the answer.
      callerGone: c.get("remembersBytes") !== undefined ? new AbortController().signal : c.req.raw.signal,
    };
    const raise = async (neededTokens: number): Promise<RegionRequest> => {
      const reservedTokens = await raiseReservation(c, gates, neededTokens);
      request = { ...request, claims: { ...request.claims, reservedTokens } };
      return request;
    };
    const attempts: AttemptRecord[] = [];
    c.set("attempts", attempts);
    const asked: AskedRegion[] = [];
    c.set("asked", asked);
    const plan = c.get("ranking").slice(0, bounds.maxAttempts);
    retryBudget.deposit();
    const { region, response } = await failover(
      plan.map((ranked) => ranked.region),
      {
        ask: async (candidate) => {
          experience.outliers.asked(candidate.id);
          const isDoubted = plan.find(({ region: { id } }) => id === candidate.id)?.doubt === "unreachable";
          if (isDoubted && !(await isThere(candidate))) return silent(candidate);
          const index = asked.push({ region: candidate, answered: false }) - 1;
          const result = await askRegion(candidate, request, options, raise);
          asked[index] = { region: candidate, ...whatItTold(result) };
          return result;
        },
        record: (entry) => {
          attempts.push(entry);
          experience.learn(entry, plan[attempts.length - 1]?.distanceKm ?? 0);
        },
        mayRetry: () => retryBudget.withdraw(),
        now,
      },
    );
    // Nothing can be resent from here on, and a stream may last for minutes.
    c.set("body", undefined);
    const init = { status: response.status, headers: replyHeaders(response.headers, region.id) };
    const isStream = isEventStream(response.headers);
    const relay = await relayAnswer(c, response, isStream);
    if (relay === undefined) return new Response(response.body, init);
    const { readable, ending } = relay;
    const died = (how: Ending) => {
      if (how === "upstream_died") experience.outliers.failed(region.id, "unreachable");
    };
    c.executionCtx.waitUntil(ending.then(died));
    c.set("ending", ending);
    return new Response(readable, init);
  };
}

/** A stream, or an answer that a retry may ask for, is watched to its end. */
export const relayPlainly: RelayAnswer = (c, { body }, isStream) => {
  if (body === null) return undefined;
  const keepsBytes = c.get("remembersBytes");
  if (keepsBytes === undefined) return isStream ? relayEvents(body) : undefined;
  const lastWords = isStream ? brokenStreamEvent : undefined;
  const { kept, ...relay } = keepEvents(body, { keepsBytes, lastWords });
  c.set("remembered", kept);
  return relay;
};

/**
 * Asked of a region that was not reachable a moment ago before it is tried for want of a better one, and of one that is silent: it
 * says quickly how it is, and an answer that is not streamed may take minutes, for which a region would be waited that is not there.
 */
async function answersAtAll(region: Region, requestId: string, { passportKey, now }: ForwardParts): Promise<boolean> {
  return (await pollRegion(region, requestId, passportKey, now)).kind === "answered";
}

function silent(region: Region): FinalAttempt {
  return { kind: "unreachable", region, cause: "it does not say how it is" };
}

async function regionRequest(c: Context<EdgeContext>): Promise<RegionRequest> {
  const { principal, reservedTokens } = c.get("admitted");
  const body = c.get("body");
  const ip = c.req.header("cf-connecting-ip");
  const responseId = c.get("turn")?.responseId;
  return {
    // Of an answer to HEAD the platform leaves the body out.
    method: c.req.method === "HEAD" ? "GET" : c.req.method,
    // Not `c.req.path`, which is decoded.
    path: new URL(c.req.url).pathname,
    headers: regionHeaders(c.req.raw.headers, c.get("requestId"), c.get("clientRequestId")),
    body: body?.bytes,
    claims: {
      rid: c.get("requestId"),
      org: principal.orgId,
      key: principal.keyId,
      priority: priorityOfTier[c.get("serviceTier") ?? "default"],
      ...(reservedTokens !== undefined && { reservedTokens }),
      ...(ip !== undefined && { ip }),
      ...(responseId !== undefined && { responseId }),
      ...(body !== undefined && { bodySha256: await body.hash() }),
    },
  };
}

function whatItTold(result: FinalAttempt): Omit<AskedRegion, "region"> {
  if (result.kind === "unreachable") return { answered: false };
  const carriedReceipt = result.response.headers.get(receiptHeader) ?? undefined;
  return { answered: result.kind === "answered", carriedReceipt };
}

/** A second hop to the gate, for a prompt that was longer than estimated. Returns what is reserved then. */
async function raiseReservation(c: Context<EdgeContext>, gates: KeyGates, neededTokens: number): Promise<number> {
  const { keyId } = c.get("principal");
  const verdict = await gates.raise({ keyId, place: placeOf(c.req.raw) }, c.get("requestId"), neededTokens);
  if (verdict === undefined) throw new AppError("unavailable", { detail: "the gate has forgotten the reservation" });
  if (verdict.kind === "refused") throw identityError(verdict.reason, keyId);
  c.set("report", verdict.report);
  if (verdict.kind !== "granted") throw refusalError(verdict);
  return verdict.tokens ?? neededTokens;
}
