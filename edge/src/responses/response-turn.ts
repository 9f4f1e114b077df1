import type { InputItem } from "@sluice/shared/openai/response-input.ts";
import { describeResponse, type ResponseObject, type ResponseStatus } from "@sluice/shared/openai/response.ts";
import type { ResponseRequest } from "@sluice/shared/openai/response-request.ts";
import type { Principal } from "#edge/auth/principal.ts";

/** One request to `POST /v1/responses`, as the steps after its admission know it. */
export interface ResponseTurn {
  readonly responseId: string;
  readonly owner: Principal;
  readonly request: ResponseRequest;
  /** The conversation that it answers, its own input last. */
  readonly items: readonly InputItem[];
  readonly isStored: boolean;
  readonly createdAtMs: number;
}

/** A response of which no region has said anything. What a model takes by default is not known here. */
export function blankResponse(
  { responseId, request, createdAtMs }: Pick<ResponseTurn, "responseId" | "request" | "createdAtMs">,
  status: ResponseStatus,
): ResponseObject {
  const head = {
    id: responseId,
    createdS: Math.floor(createdAtMs / 1000),
    defaults: { temperature: null, topP: null },
  };
  return describeResponse(request, head, status);
}
