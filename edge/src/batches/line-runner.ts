// Runs one line of a batch: as a request like any other, through the same steps, but for where its credential comes from and who
// charges it.
import { AppError } from "@sluice/shared/errors.ts";
import type { BatchEndpoint } from "@sluice/shared/openai/batch-request.ts";
import { type Context, Hono } from "hono";
import { createMiddleware } from "hono/factory";
import { type JsonObject, parseJsonObject } from "#edge/body/parse-json-object.ts";
import { type BodyBounds, readBytes } from "#edge/body/read-bytes.ts";
import type { EdgeContext } from "#edge/context.ts";
import { inferenceSteps } from "#edge/inference.ts";
import { measure, type Settlement } from "#edge/ledger/settlement.ts";
import { atTier } from "#edge/middleware/at-tier.ts";
import { renderErrors } from "#edge/middleware/render-errors.ts";
import { endedRequest } from "#edge/middleware/settle.ts";
import type { Parts } from "#edge/parts.ts";
import type { ReceiptFetcher } from "#edge/proxy/fetch-receipts.ts";
import type { BatchCaller } from "./batch-head.ts";

export interface LineRequest {
  readonly requestId: string;
  readonly endpoint: BatchEndpoint;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly caller: BatchCaller;
}

export interface LineResponse {
  readonly status: number;
  readonly body: JsonObject;
  /** From the answer. Absent: it does not say. */
  readonly retryAfterMs: number | undefined;
  /** What it took, and has not been charged. Absent: it was not admitted. */
  readonly settlement: Settlement | undefined;
}

/** What a line brings where a request of a caller has headers; Hono hands it on as the environment. */
interface LineBindings {
  readonly line: LineRequest;
  readonly onMeasured: (settlement: Settlement) => void;
}

/** Never a real host: of the address, regions see the path alone. */
const base = "http://batch";

export class LineRunner {
  readonly #app: Hono<EdgeContext>;

  constructor(parts: Parts) {
    this.#app = lineApp(parts);
  }

  /** The answer, whatever it is; never rejects for what a region does. */
  async run(line: LineRequest, waitUntil: (work: Promise<unknown>) => void): Promise<LineResponse> {
    const { caller, endpoint, body } = line;
    const headers = new Headers({ "content-type": "application/json" });
    if (caller.ip !== undefined) headers.set("cf-connecting-ip", caller.ip);
    if (caller.origin !== undefined) headers.set("origin", caller.origin);
    const request = new Request(`${base}${endpoint}`, { method: "POST", headers, body, cf: caller.place });
    let settlement: Settlement | undefined;
    const bindings: LineBindings = { line, onMeasured: (measured) => (settlement = measured) };
    const executionCtx = { waitUntil, passThroughOnException: () => undefined, props: {} };
    const {
      status,
      body: answer,
      headers: told,
    } = await asJson(await this.#app.fetch(request, bindings, executionCtx));
    const retryAfter = told.get("retry-after-ms");
    return {
      status,
      body: answer,
      retryAfterMs: retryAfter === null ? undefined : Number(retryAfter),
      settlement,
    };
  }
}

/** What is no JSON object is no answer. */
async function asJson(
  response: Response,
): Promise<Pick<Response, "status" | "headers"> & { readonly body: JsonObject }> {
  const { status, headers } = response;
  const bytes = new Uint8Array(await response.arrayBuffer());
  try {
    return { status, headers, body: parseJsonObject(bytes) };
  } catch {
    const error = new AppError("upstream_error", { detail: "the answer is no JSON object" });
    return { status: error.httpStatus, headers, body: { error: error.toErrorObject() } };
  }
}

function lineApp(parts: Parts): Hono<EdgeContext> {
  const { read, readResponse, enter, converse, route, answer, answerResponse } = inferenceSteps(parts);
  const { bounds, batches } = parts.config;
  const answerBounds = { maxBodyBytes: batches.maxAnswerBytes, bodyTimeoutMs: bounds.answerTimeoutMs };
  const measured = measureLine(parts.receipts, answerBounds);
  const infer = [read, atTier("flex"), enter, measured, route, answer] as const;
  const respond = [readResponse, atTier("flex"), enter, measured, converse, route, answerResponse] as const;
  const app = new Hono<EdgeContext>();
  app.onError(renderErrors);
  app.use(identifyLine);
  app.post("/v1/chat/completions", ...infer);
  app.post("/v1/completions", ...infer);
  app.post("/v1/embeddings", ...infer);
  app.post("/v1/responses", ...respond);
  return app;
}

const identifyLine = createMiddleware<EdgeContext>(async (c, next) => {
  const { requestId, caller } = bindingsOf(c).line;
  c.set("requestId", requestId);
  c.set("credential", { kind: "batch", keyId: caller.keyId, scopes: ["inference"] });
  await next();
});

/** What a request took is known when it has ended, so its answer is read first. */
function measureLine(fetcher: ReceiptFetcher, answerBounds: BodyBounds) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const startedAtMs = fetcher.now();
    try {
      await next();
      c.res = await readWhole(c.res, answerBounds);
    } finally {
      const { settlement } = await measure(endedRequest(c, startedAtMs), fetcher);
      bindingsOf(c).onMeasured(settlement);
    }
  });
}

async function readWhole(response: Response, bounds: BodyBounds): Promise<Response> {
  try {
    return new Response(await readBytes(response, bounds), response);
  } catch (cause) {
    if (response.body?.locked === false) await response.body.cancel();
    if (!(cause instanceof AppError)) throw new AppError("upstream_error", { cause, detail: "the region broke off" });
    if (cause.code !== "request_too_large") throw cause;
    throw new AppError(cause.code, { publicText: `An answer in a batch may have ${bounds.maxBodyBytes} bytes.` });
  }
}

function bindingsOf({ env }: Context<EdgeContext>): LineBindings {
  return env as LineBindings;
}
