// `/v1/organization`: every route of the administration. Who gets here may administer.
import { Hono } from "hono";
import type { EdgeContext } from "#edge/context.ts";
import { refuseMethod } from "#edge/middleware/refuse.ts";
import type { Parts } from "#edge/parts.ts";
import { changeAdminKey, rotateAdminKey } from "./admin-key-changes.ts";
import { createAdminKey, deleteAdminKey, listAdminKeys, retrieveAdminKey } from "./admin-keys.ts";
import { changeApiKey, createApiKey, listApiKeys, retrieveApiKey, revokeApiKey, rotateApiKey } from "./api-keys.ts";
import { listAuditLogs } from "./audit-logs.ts";
import { readOrganizationLimits, readProjectLimits, setOrganizationLimits, setProjectLimits } from "./ceilings.ts";
import { createIssuer, deleteIssuer, listIssuers, retrieveIssuer } from "./issuers.ts";
import {
  readOrganizationNetworks,
  readProjectNetworks,
  setOrganizationNetworks,
  setProjectNetworks,
} from "./networks.ts";
import { archiveProject, createProject, listProjects, modifyProject, retrieveProject } from "./projects.ts";
import { listRateLimits, updateRateLimit } from "./rate-limits.ts";
import { listEngines, listRegions } from "./regions.ts";
import {
  createServiceAccount,
  deleteServiceAccount,
  listServiceAccounts,
  retrieveServiceAccount,
} from "./service-accounts.ts";
import { enterUsage } from "./usage-entries.ts";
import { reportCompletions } from "./usage-completions.ts";

export function administration(parts: Parts): Hono<EdgeContext> {
  const { config } = parts;
  const common = { ...parts, bounds: config.bounds, lifetimes: config.keyLifetimes };
  const app = new Hono<EdgeContext>();

  app.post("/projects", createProject(common)).get(listProjects(common)).all(refuseMethod("GET", "POST"));
  const project = "/projects/:projectId";
  app.post(project, modifyProject(common)).get(retrieveProject(common)).all(refuseMethod("GET", "POST"));
  app.post(`${project}/archive`, archiveProject(common)).all(refuseMethod("POST"));

  const keys = `${project}/api_keys`;
  app.post(keys, createApiKey(common)).get(listApiKeys(common)).all(refuseMethod("GET", "POST"));
  app
    .post(`${keys}/:keyId`, changeApiKey(common))
    .get(retrieveApiKey(common))
    .delete(revokeApiKey(common))
    .all(refuseMethod("GET", "POST", "DELETE"));
  app.post(`${keys}/:keyId/rotate`, rotateApiKey(common)).all(refuseMethod("POST"));

  const accounts = `${project}/service_accounts`;
  app.post(accounts, createServiceAccount(common)).get(listServiceAccounts(common)).all(refuseMethod("GET", "POST"));
  app
    .get(`${accounts}/:accountId`, retrieveServiceAccount(common))
    .delete(deleteServiceAccount(common))
    .all(refuseMethod("GET", "DELETE"));

  app
    .post("/networks", setOrganizationNetworks(common))
    .get(readOrganizationNetworks(common))
    .all(refuseMethod("GET", "POST"));
  app
    .post(`${project}/networks`, setProjectNetworks(common))
    .get(readProjectNetworks(common))
    .all(refuseMethod("GET", "POST"));

  app
    .post("/limits", setOrganizationLimits(common))
    .get(readOrganizationLimits(common))
    .all(refuseMethod("GET", "POST"));
  app
    .post(`${project}/limits`, setProjectLimits(common))
    .get(readProjectLimits(common))
    .all(refuseMethod("GET", "POST"));

  const runtime = { regions: config.regions, view: parts.regionView };
  const rateLimits = `${project}/rate_limits`;
  app.get(rateLimits, listRateLimits({ ...common, ...runtime })).all(refuseMethod("GET"));
  app
    .post(`${rateLimits}/:rateLimitId{.+}`, updateRateLimit({ ...common, ...runtime }))
    .all(`${rateLimits}/:rateLimitId{.+}`, refuseMethod("POST"));

  app.post("/admin_api_keys", createAdminKey(common)).get(listAdminKeys(common)).all(refuseMethod("GET", "POST"));
  app
    .post("/admin_api_keys/:keyId", changeAdminKey(common))
    .get(retrieveAdminKey(common))
    .delete(deleteAdminKey(common))
    .all(refuseMethod("GET", "POST", "DELETE"));
  app.post("/admin_api_keys/:keyId/rotate", rotateAdminKey(common)).all(refuseMethod("POST"));

  app.post("/issuers", createIssuer(common)).get(listIssuers(common)).all(refuseMethod("GET", "POST"));
  app.get("/issuers/:issuerId", retrieveIssuer(common)).delete(deleteIssuer(common)).all(refuseMethod("GET", "DELETE"));

  app.get("/audit_logs", listAuditLogs(parts.audit)).all(refuseMethod("GET"));

  app.get("/usage/completions", reportCompletions(common)).all(refuseMethod("GET"));
  // Not below usage/, which keys may read of their own.
  app.post("/usage_entries", enterUsage(common)).all(refuseMethod("POST"));

  app.get("/regions", listRegions(runtime)).all(refuseMethod("GET"));
  app.get("/engines", listEngines(runtime)).all(refuseMethod("GET"));
  return app;
}
