// `/v1/organization/issuers`: who may issue tokens for the organization. Ours, in the manner of OpenAI's admin API.
import { AppError } from "@sluice/shared/errors.ts";
import type { Handler } from "hono";
import * as z from "zod/mini";
import { type Issuer, issuerSchema } from "#edge/auth/jwt/issuer.ts";
import type { IssuerView } from "#edge/auth/jwt/issuer-view.ts";
import { maxKeys, publicKeySchema } from "#edge/auth/jwt/key-set.ts";
import { ordinaryScopes, scopeSchema } from "#edge/auth/scope.ts";
import { encodeBase32 } from "#edge/base32.ts";
import type { BodyBounds } from "#edge/body/read-bytes.ts";
import { readJson } from "#edge/body/read-json.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { Entropy } from "#edge/entropy.ts";
import type { AuditLog } from "./audit-log.ts";
import type { KeyDirectory } from "./key-directory.ts";
import { keyTermsFields, mapValues, termsToWire, toKeyTerms } from "./key-terms.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";

const text = z.string().check(z.minLength(1), z.maxLength(512));
/** `realm_access.roles`; a name that itself has a dot is given as a list. */
const claim = z.union([text, z.array(text).check(z.minLength(1), z.maxLength(8))]);
const maxPlans = 64;

/** Every request of a tenant brings its terms along, so their lists are short. */
const maxNetworksOfTenant = 256;

const termsSchema = z.strictObject(keyTermsFields).check(
  z.refine(({ allowlist, denylist }) => (allowlist?.length ?? 0) + (denylist?.length ?? 0) <= maxNetworksOfTenant, {
    path: ["allowlist"],
    error: `expected at most ${maxNetworksOfTenant} networks in both lists together`,
  }),
);

const creationSchema = z.strictObject({
  issuer: text,
  audiences: z.array(text).check(z.minLength(1), z.maxLength(16)),
  jwks_url: z.optional(
    z.string().check(z.maxLength(2_048), z.refine(isFetchable, { error: "expected an https address, without a user" })),
  ),
  jwks: z.optional(z.object({ keys: z.array(publicKeySchema).check(z.minLength(1), z.maxLength(maxKeys)) })),
  project_id: text,
  leeway_seconds: z._default(z.int().check(z.gte(0), z.lte(120)), 30),
  max_lifetime_seconds: z._default(z.int().check(z.gte(1), z.lte(7 * 24 * 3600)), 24 * 3600),
  tenant_claim: z._default(claim, "sub"),
  project_claim: z.optional(z.strictObject({ claim, projects: z.record(text, text) })),
  scope_claim: z.optional(claim),
  scopes: z._default(z.array(scopeSchema), [...ordinaryScopes]),
  /** Limits and permissions of each tenant. */
  terms: z._default(termsSchema, {}),
  /** Other terms for tokens with certain values of a claim. */
  plans: z.optional(
    z.strictObject({
      claim,
      terms: z
        .record(text, termsSchema)
        .check(
          z.refine((plans) => Object.keys(plans).length <= maxPlans, { error: `expected at most ${maxPlans} plans` }),
        ),
    }),
  ),
});

export interface IssuerAdminParts {
  readonly issuers: IssuerView;
  readonly directory: KeyDirectory;
  readonly entropy: Entropy;
  readonly audit: AuditLog;
  readonly bounds: BodyBounds;
}

/** `POST`: tokens of the issuer are good from the next few seconds on. */
export function createIssuer({ issuers, directory, entropy, audit, bounds }: IssuerAdminParts): Handler<EdgeContext> {
  return async (c) => {
    const wire = parseRequest(creationSchema, (await readJson(c.req.raw, bounds)).value);
    const orgId = await directory.findOrganization(wire.project_id);
    if (orgId === undefined) throw noSuchProject("project_id");
    for (const projectId of Object.values(wire.project_claim?.projects ?? {})) {
      if ((await directory.findOrganization(projectId)) !== orgId) {
        throw noSuchProject("project_claim.projects");
      }
    }
    const issuer = issuerSchema.parse({
      id: `iss_${encodeBase32(entropy(10))}`,
      orgId,
      projectId: wire.project_id,
      issuer: wire.issuer,
      audiences: wire.audiences,
      keys: keysOf(wire),
      leewayS: wire.leeway_seconds,
      maxLifetimeS: wire.max_lifetime_seconds,
      tenantClaim: pathOf(wire.tenant_claim),
      ...(wire.project_claim && {
        project: { claim: pathOf(wire.project_claim.claim), projectIds: wire.project_claim.projects },
      }),
      ...(wire.scope_claim !== undefined && { scopeClaim: pathOf(wire.scope_claim) }),
      scopes: wire.scopes,
      terms: toKeyTerms(wire.terms),
      ...(wire.plans && {
        termsByClaim: {
          claim: pathOf(wire.plans.claim),
          terms: Object.fromEntries(Object.entries(wire.plans.terms).map(([plan, own]) => [plan, toKeyTerms(own)])),
        },
      }),
      revision: 1,
    });
    const event = { type: "issuer.created", projectId: issuer.projectId, targetId: issuer.id } as const;
    await audit.record(c.get("actor"), { ...event, after: { ...wire, jwks: undefined } });
    const refusal = await issuers.put(issuer);
    if (refusal === "taken") {
      throw new AppError("invalid_value", {
        param: "audiences",
        publicText: "Another issuer of that name serves one of these audiences.",
      });
    }
    if (refusal === "too_many")
      throw new AppError("invalid_value", { publicText: "There are as many issuers as there may be." });
    return c.json(toWire(issuer));
  };
}

export function retrieveIssuer({ issuers }: IssuerAdminParts): Handler<EdgeContext, "/:issuerId"> {
  return async (c) => {
    const id = c.req.param("issuerId");
    const issuer = (await issuers.all()).find((one) => one.id === id);
    if (issuer === undefined) throw noSuchIssuer();
    return c.json(toWire(issuer));
  };
}

export function listIssuers({ issuers }: IssuerAdminParts): Handler<EdgeContext> {
  return async (c) => c.json({ object: "list", data: (await issuers.all()).map(toWire), has_more: false });
}

/**
 * `DELETE`: the issuer's tokens are refused within seconds, also while D1 is down. The call then fails, and repeating it notes who
 * wanted it.
 */
export function deleteIssuer({ issuers, audit }: IssuerAdminParts): Handler<EdgeContext, "/:issuerId"> {
  return async (c) => {
    const id = c.req.param("issuerId");
    const issuer = await issuers.retire(id);
    if (issuer === undefined) throw noSuchIssuer();
    const event = { type: "issuer.deleted", projectId: issuer.projectId, targetId: id } as const;
    await audit.record(c.get("actor"), { ...event, before: toWire(issuer) });
    await issuers.forget(id);
    return c.json({ object: "organization.issuer.deleted", id, deleted: true });
  };
}

function keysOf({ jwks, jwks_url: url }: z.output<typeof creationSchema>): Issuer["keys"] {
  if ((jwks === undefined) === (url === undefined)) {
    throw new AppError("invalid_value", { param: "jwks_url", publicText: "Give either jwks_url or jwks." });
  }
  return jwks === undefined ? { kind: "url", url: url ?? "" } : { kind: "static", keys: jwks.keys };
}

function noSuchIssuer(): AppError {
  return new AppError("not_found", { publicText: "There is no such issuer." });
}

function noSuchProject(param: string): AppError {
  return new AppError("invalid_value", {
    param,
    publicText: `Invalid '${param}': the organization has no such project.`,
  });
}

function pathOf(path: string | readonly string[]): readonly string[] {
  return typeof path === "string" ? path.split(".") : path;
}

/** HTTPS; plain HTTP only to this machine, for trying things out. */
function isFetchable(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username, password } = new URL(address);
  const isLocal = ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
  return (protocol === "https:" || (protocol === "http:" && isLocal)) && username === "" && password === "";
}

/** As it was made, with what holds where nothing was said. */
function toWire({ id, orgId, projectId, issuer, audiences, keys, project, termsByClaim: plans, ...rest }: Issuer) {
  return {
    object: "organization.issuer",
    id,
    organization_id: orgId,
    project_id: projectId,
    issuer,
    audiences,
    jwks_url: keys.kind === "url" ? keys.url : null,
    leeway_seconds: rest.leewayS,
    max_lifetime_seconds: rest.maxLifetimeS,
    tenant_claim: claimToWire(rest.tenantClaim),
    project_claim: project === undefined ? null : { claim: claimToWire(project.claim), projects: project.projectIds },
    scope_claim: rest.scopeClaim === undefined ? null : claimToWire(rest.scopeClaim),
    scopes: rest.scopes,
    terms: termsToWire(rest.terms),
    plans: plans === undefined ? null : { claim: claimToWire(plans.claim), terms: mapValues(plans.terms, termsToWire) },
  };
}

/** The opposite of `pathOf`. */
function claimToWire(path: readonly string[]): string | readonly string[] {
  return path.some((name) => name.includes(".")) ? path : path.join(".");
}
