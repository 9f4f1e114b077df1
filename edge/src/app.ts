// The edge, in order. Each line of a route is one decision, made in one file of middleware/.
import { Hono } from "hono";
import { administration } from "#edge/admin/administration.ts";
import { batchesApi } from "#edge/batches/batches-api.ts";
import type { EdgeContext } from "#edge/context.ts";
import { filesApi } from "#edge/files/files-api.ts";
import { allowOrigins } from "#edge/middleware/allow-origins.ts";
import { assignRequestId } from "#edge/middleware/assign-request-id.ts";
import { authenticate } from "#edge/middleware/authenticate.ts";
import { describeTokenEndpoint, publishKeys } from "#edge/middleware/describe-tokens.ts";
import { inferenceSteps } from "#edge/inference.ts";
import { issueToken } from "#edge/middleware/issue-token.ts";
import { listModels } from "#edge/middleware/list-models.ts";
import { limitHeaders } from "#edge/middleware/limit-headers.ts";
import { keepFilesInPlace } from "#edge/middleware/keep-files-in-place.ts";
import { logRequest } from "#edge/middleware/log-request.ts";
import { refuseMethod, refuseUnknownPath } from "#edge/middleware/refuse.ts";
import { remember } from "#edge/middleware/remember.ts";
import { renderErrors } from "#edge/middleware/render-errors.ts";
import { reportHealth } from "#edge/middleware/report-health.ts";
import { requireAdmin } from "#edge/middleware/require-admin.ts";
import { cancelResponse, deleteResponse, listInputItems, retrieveResponse } from "#edge/middleware/serve-responses.ts";
import { shieldFromFloods } from "#edge/middleware/shield-from-floods.ts";
import { runApart } from "#edge/middleware/run-apart.ts";
import { secureReply } from "#edge/middleware/secure-reply.ts";
import { settle } from "#edge/middleware/settle.ts";
import { tellApi } from "#edge/middleware/tell-api.ts";
import type { Parts } from "#edge/parts.ts";

export function createApp(parts: Parts): Hono<EdgeContext> {
  const { config, regionView, now } = parts;
  const app = new Hono<EdgeContext>();

  app.onError(renderErrors);
  app.notFound(refuseUnknownPath);
  app.use(assignRequestId(parts.entropy), logRequest(parts.log, now), secureReply());
  if (config.corsOrigins.length > 0) app.use(allowOrigins(config.corsOrigins));
  app.use("/v1/*", tellApi(now));
  app.use(limitHeaders, shieldFromFloods(parts.floodShield, parts.log));

  const { read, readFree, readResponse, readInputTokens, enter, converse, route, answer, answerResponse } =
    inferenceSteps(parts);
  const { responseStores: stores } = parts;
  const identify = authenticate(parts);
  const once = remember({ runs: parts.idempotentRuns, enter, log: parts.log });
  const account = settle(parts);
  const infer = [identify, read, once, enter, account, route, answer] as const;
  const apart = runApart(stores);
  const respond = [identify, readResponse, once, enter, account, converse, apart, route, answerResponse] as const;
  const tokenize = [identify, readFree, enter, account, route, answer] as const;
  const countInput = [identify, readInputTokens, enter, account, converse, route, answer] as const;
  const describeModels = [identify, enter, route, answer] as const;

  app.post("/v1/chat/completions", ...infer).all(refuseMethod("POST"));
  app.post("/v1/completions", ...infer).all(refuseMethod("POST"));
  app.post("/v1/embeddings", ...infer).all(refuseMethod("POST"));
  app.post("/v1/tokenize", ...tokenize).all(refuseMethod("POST"));
  app.post("/v1/detokenize", ...tokenize).all(refuseMethod("POST"));
  app.post("/v1/responses", ...respond).all(refuseMethod("POST"));
  app.post("/v1/responses/input_tokens", ...countInput).all(refuseMethod("POST"));
  app.get("/v1/responses/:id/input_items", identify, enter, listInputItems(stores)).all(refuseMethod("GET"));
  app.post("/v1/responses/:id/cancel", identify, enter, cancelResponse(stores)).all(refuseMethod("POST"));
  app
    .get("/v1/responses/:id", identify, enter, retrieveResponse(stores))
    .delete("/v1/responses/:id", identify, enter, deleteResponse(stores))
    .all("/v1/responses/:id", refuseMethod("GET", "DELETE"));
  app
    .get("/v1/models", identify, enter, listModels(config.regions, regionView), route, answer)
    .all(refuseMethod("GET"));
  app.get("/v1/models/:model{.+}", ...describeModels).all(refuseMethod("GET"));

  app.use("/v1/files/*", identify, enter, keepFilesInPlace(config.filesJurisdiction));
  app.route("/v1/files", filesApi({ ...parts, enter, bounds: config.fileBounds }));

  app.use("/v1/batches/*", identify);
  app.route("/v1/batches", batchesApi(parts, enter));

  app.use("/v1/organization/*", requireAdmin(config.adminKey, parts));
  app.route("/v1/organization", administration(parts));

  app.post("/oauth/token", issueToken(parts)).all(refuseMethod("POST"));
  app.get("/.well-known/jwks.json", publishKeys(parts.ownTokens)).all(refuseMethod("GET"));
  app.get("/.well-known/oauth-authorization-server", describeTokenEndpoint()).all(refuseMethod("GET"));

  app.get("/health", reportHealth(config.regions, regionView)).all(refuseMethod("GET"));
  return app;
}
