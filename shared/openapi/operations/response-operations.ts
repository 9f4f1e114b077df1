import { inputTokensRequestSchema } from "../../src/openai/input-tokens.ts";
import { responseRequestSchema } from "../../src/openai/response-request.ts";
import { inputItemsQuerySchema, retrieveResponseQuerySchema } from "../../src/openai/response-queries.ts";
import { inputTokens } from "../answers/input-tokens.ts";
import { deletedResponse, response, responseItemList } from "../answers/response.ts";
import { responseEvent } from "../answers/response-event.ts";
import type { Named, Operation } from "./operation.ts";

const tag = "Responses";
const answer: Named = { name: "Response", schema: response };
const event: Named = { name: "ResponseEvent", schema: responseEvent };

export const responseOperations: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/responses",
    tag,
    summary: "Answer a conversation and keep the answer",
    request: { name: "ResponseRequest", schema: responseRequestSchema },
    answer,
    event,
  },
  {
    method: "post",
    path: "/v1/responses/input_tokens",
    tag,
    summary: "Count the tokens of a response's input",
    request: { name: "InputTokensRequest", schema: inputTokensRequestSchema },
    answer: { name: "InputTokens", schema: inputTokens },
  },
  {
    method: "get",
    path: "/v1/responses/{id}",
    tag,
    summary: "Have a response again, or follow one in the background",
    query: retrieveResponseQuerySchema,
    answer,
    event,
  },
  {
    method: "delete",
    path: "/v1/responses/{id}",
    tag,
    summary: "Delete a response",
    answer: { name: "DeletedResponse", schema: deletedResponse },
  },
  { method: "post", path: "/v1/responses/{id}/cancel", tag, summary: "Stop a response in the background", answer },
  {
    method: "get",
    path: "/v1/responses/{id}/input_items",
    tag,
    summary: "List what a response answered",
    query: inputItemsQuerySchema,
    answer: { name: "ResponseItemList", schema: responseItemList },
  },
];
