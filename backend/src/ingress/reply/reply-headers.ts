import { apiVersion } from "@sluice/shared/openai/api-version.ts";
import type { Exchange } from "#ingress/exchange.ts";

/** OpenAI's headers of a generated answer: the model, the time until the answer began, and the API's version. */
export function replyHeaders(model: string, exchange: Exchange): Readonly<Record<string, string>> {
  return {
    "openai-model": model,
    "openai-processing-ms": String(Math.round(exchange.elapsedMs())),
    "openai-version": apiVersion,
  };
}
