// What a line of an input file must be.
import { AppError } from "@sluice/shared/errors.ts";
import { type BatchEndpoint, batchLineSchema } from "@sluice/shared/openai/batch-request.ts";
import { chatCompletionRequestSchema } from "@sluice/shared/openai/chat-completion-request.ts";
import { completionRequestSchema } from "@sluice/shared/openai/completion-request.ts";
import { embeddingRequestSchema } from "@sluice/shared/openai/embedding-request.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { responseRequestSchema } from "@sluice/shared/openai/response-request.ts";
import type * as z from "zod/mini";
import { type JsonObject, parseJsonObject } from "#edge/body/parse-json-object.ts";

/** In OpenAI's words. */
interface LineFault {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
}

export type CheckedLine =
  | { readonly kind: "good"; readonly customId: string; readonly model: string }
  | { readonly kind: "faulty"; readonly fault: LineFault };

const bodySchemas: Readonly<Record<BatchEndpoint, z.ZodMiniType<{ readonly model: string }>>> = {
  "/v1/chat/completions": chatCompletionRequestSchema,
  "/v1/completions": completionRequestSchema,
  "/v1/embeddings": embeddingRequestSchema,
  "/v1/responses": responseRequestSchema,
};

/** Whether a request to the endpoint may be made of the line, as one that is not streamed. */
export function checkLine(bytes: Uint8Array, endpoint: BatchEndpoint): CheckedLine {
  let value: JsonObject;
  try {
    value = parseJsonObject(bytes);
  } catch {
    return faulty("invalid_json_line", "This line is not parseable as a JSON object.", null);
  }
  const line = checked(() => parseRequest(batchLineSchema, value));
  if (line.kind === "faulty") return line;
  const { custom_id: customId, method, url, body } = line.value;
  if (method !== "POST") return faulty("invalid_method", "The method must be POST.", "method");
  if (url !== endpoint) {
    return faulty("mismatched_url", `The url must be the batch's endpoint, ${endpoint}.`, "url");
  }
  const request = checked(() => parseRequest(bodySchemas[endpoint], body), "body.");
  if (request.kind === "faulty") return request;
  for (const name of ["stream", "background"]) {
    if (body[name] === true) {
      return faulty("unsupported_parameter", `'${name}' is not supported in a batch.`, `body.${name}`);
    }
  }
  return { kind: "good", customId, model: request.value.model };
}

type Checked<Value> = { readonly kind: "fine"; readonly value: Value } | Extract<CheckedLine, { kind: "faulty" }>;

function checked<Value>(parse: () => Value, prefix = ""): Checked<Value> {
  try {
    return { kind: "fine", value: parse() };
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    const param = thrown.param === undefined ? prefix.replace(/\.$/, "") : `${prefix}${thrown.param}`;
    return faulty(thrown.code, thrown.publicText, param === "" ? null : param);
  }
}

function faulty(code: string, message: string, param: string | null): Extract<CheckedLine, { kind: "faulty" }> {
  return { kind: "faulty", fault: { code, message, param } };
}
