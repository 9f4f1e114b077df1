// The steps of a request that computes something. Requests of callers run through them, and lines of batches.
import { admit } from "#edge/middleware/admit.ts";
import { chooseRegion } from "#edge/middleware/choose-region.ts";
import { converse } from "#edge/middleware/converse.ts";
import { forward } from "#edge/middleware/forward.ts";
import { readBody } from "#edge/middleware/read-body.ts";
import { readInputTokensRequest } from "#edge/middleware/read-input-tokens-request.ts";
import { readResponseRequest } from "#edge/middleware/read-response-request.ts";
import { relayResponse } from "#edge/middleware/relay-response.ts";
import type { Parts } from "#edge/parts.ts";
import { noTokens } from "#edge/rate-limit/estimate-demand.ts";

export function inferenceSteps(parts: Parts) {
  const { config, gates, regionView, experience, passportKey, retryBudget, now } = parts;
  const { bounds } = config;
  const forwarding = { passportKey, gates, experience, retryBudget, bounds, now };
  return {
    /** The body, and what its answer will take. */
    read: readBody(bounds),
    /** The body of a request that computes nothing. */
    readFree: readBody(bounds, () => noTokens),
    readResponse: readBody(bounds, readResponseRequest),
    readInputTokens: readBody(bounds, readInputTokensRequest),
    /** Whether the credential may, and what it may use. */
    enter: admit({ ...parts, expiryWarningMs: config.keyLifetimes.warningMs }, "inference"),
    /** What a response goes on from. */
    converse: converse({ stores: parts.responseStores, maxBodyBytes: bounds.maxBodyBytes, now }),
    route: chooseRegion(config.regions, regionView, experience),
    answer: forward(forwarding),
    answerResponse: forward(forwarding, relayResponse(parts.responseKeeper)),
  };
}
