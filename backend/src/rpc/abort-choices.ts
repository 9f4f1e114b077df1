import type { handleUnaryCall } from "@grpc/grpc-js";
import type { AbortChoicesRequest, AbortChoicesResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { LiveCalls } from "./live-calls.ts";

/** AbortChoices: the rest of the call goes on; never fails, since what ended meanwhile is what was wanted. */
export function abortChoices(calls: LiveCalls): handleUnaryCall<AbortChoicesRequest, AbortChoicesResponse> {
  return ({ request: { requestId, indexes } }, callback) => {
    calls.find(requestId)?.abortChoices(indexes);
    callback(null, {});
  };
}
