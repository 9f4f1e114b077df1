import { itemSchema } from "@sluice/shared/openai/response-input.ts";
import type { ResponseObject } from "@sluice/shared/openai/response.ts";
import * as z from "zod/mini";
import { outputAsItems } from "./conversation-items.ts";
import type { EndedResponse } from "./ended-response.ts";
import { blankResponse, type ResponseTurn } from "./response-turn.ts";

export const storedHeadSchema = z.object({
  status: z.string(),
  isBackground: z.boolean(),
  /** Of the items, those that are the response's input; the rest is its output. */
  numInputItems: z.int(),
  expiresAtMs: z.number(),
});

export type StoredHead = Readonly<z.infer<typeof storedHeadSchema>>;

/** A response and its conversation, as JSON. */
export interface StoredResponse extends StoredHead {
  readonly response: string;
  /** A list: the input, then the output. */
  readonly items: string;
}

export const itemsSchema = z.array(itemSchema);

export interface StoragePolicy {
  /** How long a response can be had again. */
  readonly retentionMs: number;
  /** Most UTF-16 units of a response, and of its conversation, that are kept. */
  readonly maxLength: number;
}

/** A response that ended as its region said, to be stored; one that is too large as one that failed. */
export function storedResponse(turn: ResponseTurn, response: EndedResponse, policy: StoragePolicy): StoredResponse {
  const text = JSON.stringify(response);
  const items = JSON.stringify([...turn.items, ...outputAsItems(response.output)]);
  if (text.length > policy.maxLength || items.length > policy.maxLength) {
    return storedWithoutOutput(turn, failedResponse(turn, "The response is larger than is kept."), policy);
  }
  return { ...headOf(turn, response.status, policy), response: text, items };
}

/** A response of which there is no output, or none yet. */
export function storedWithoutOutput(
  turn: ResponseTurn,
  response: ResponseObject,
  policy: StoragePolicy,
): StoredResponse {
  const items = JSON.stringify(turn.items);
  return { ...headOf(turn, response.status, policy), response: JSON.stringify(response), items };
}

/** A response whose end nobody knows. */
export function failedResponse(
  turn: ResponseTurn,
  message: string,
  code: NonNullable<ResponseObject["error"]>["code"] = "server_error",
): ResponseObject {
  return { ...blankResponse(turn, "failed"), error: { code, message } };
}

function headOf({ request, items, createdAtMs }: ResponseTurn, status: string, policy: StoragePolicy): StoredHead {
  return {
    status,
    isBackground: request.background === true,
    numInputItems: items.length,
    expiresAtMs: createdAtMs + policy.retentionMs,
  };
}
