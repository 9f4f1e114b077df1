import { AppError } from "@sluice/shared/errors.ts";
import { requestedTierSchema, servedTier } from "@sluice/shared/openai/service-tier.ts";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { InferenceBody } from "#edge/body/inference-body.ts";
import type { BodyBounds } from "#edge/body/read-bytes.ts";
import { readJson } from "#edge/body/read-json.ts";
import type { ServiceTier } from "#edge/auth/service-tier.ts";
import type { EdgeContext } from "#edge/context.ts";
import { estimateDemand, type TokenDemand } from "#edge/rate-limit/estimate-demand.ts";

/** Far longer than any model's name; bounds what travels to the gate and the log. */
const maxModelLength = 256;

/** What a body will ask of an engine, and whatever else the steps after need to know of it. */
export type Interpret = (value: Readonly<Record<string, unknown>>, c: Context<EdgeContext>) => TokenDemand;

/** Reads the body into memory, within bounds, and what admission needs to know; all else is the region's business. */
export function readBody(bounds: BodyBounds, interpret: Interpret = estimateDemand) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const { bytes, value } = await readJson(c.req.raw, bounds);
    c.set("model", modelOf(value));
    c.set("serviceTier", serviceTierOf(value));
    c.set("demand", interpret(value, c));
    c.set("body", new InferenceBody(bytes, value["stream"] === true));
    await next();
  });
}

function modelOf(value: Readonly<Record<string, unknown>>): string {
  const model = value["model"];
  if (model === undefined) {
    throw new AppError("missing_required_parameter", {
      param: "model",
      publicText: "Missing required parameter: 'model'.",
    });
  }
  if (typeof model !== "string" || model === "" || model.length > maxModelLength) {
    const publicText = `Invalid 'model': expected a string of 1 to ${maxModelLength} characters.`;
    throw new AppError("invalid_value", { param: "model", publicText });
  }
  return model;
}

function serviceTierOf({ service_tier: asked }: Readonly<Record<string, unknown>>): ServiceTier {
  if (asked === undefined || asked === null) return "default";
  const parsed = requestedTierSchema.safeParse(asked);
  if (parsed.success) return servedTier(parsed.data);
  const publicText = `Invalid 'service_tier': expected ${requestedTierSchema.options.join(", ")}.`;
  throw new AppError("invalid_value", { param: "service_tier", publicText });
}
