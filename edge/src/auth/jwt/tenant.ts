// What a verified token means here: whose limits it uses, and what it may do.
import { sha256Base64Url } from "@sluice/shared/passport.ts";
import type { KeyRecord, KeyTerms } from "#edge/auth/key-record.ts";
import { ordinaryScopes, type Scope } from "#edge/auth/scope.ts";
import type { Issuer } from "./issuer.ts";
import { readListClaim, readTextClaim } from "./read-claim.ts";

/** One tenant of an issuer, as its gate takes it: a key without a secret, which only a verified token opens. */
export interface Tenant {
  readonly record: Omit<KeyRecord, "secretHash">;
  /** Of this token, not of the tenant. */
  readonly scopes: readonly Scope[];
}

type Claims = Readonly<Record<string, unknown>>;

/** Absent when the claims name no tenant, or none of the issuer's projects. */
export async function tenantOf(issuer: Issuer, claims: Claims): Promise<Tenant | undefined> {
  const tenant = readTextClaim(claims, issuer.tenantClaim);
  const projectId = projectOf(issuer, claims);
  if (tenant === undefined || projectId === undefined) return undefined;
  const keyId = await tenantKeyId(issuer.id, projectId, tenant);
  const identity = { keyId, orgId: issuer.orgId, projectId, status: "active", createdAtMs: 0 } as const;
  return { record: { ...termsOf(issuer, claims), ...identity }, scopes: scopesOf(issuer, claims) };
}

/** Names the tenant's gate. Hashed, so that a subject's name, often an e-mail address, stays out of logs and ledgers. */
async function tenantKeyId(issuerId: string, projectId: string, tenant: string): Promise<string> {
  const name = new TextEncoder().encode(JSON.stringify([issuerId, projectId, tenant]));
  return `${issuerId}.${(await sha256Base64Url(new Uint8Array(name))).slice(0, 22)}`;
}

function projectOf({ projectId, project }: Issuer, claims: Claims): string | undefined {
  if (project === undefined) return projectId;
  return entryOf(project.projectIds, readTextClaim(claims, project.claim));
}

function termsOf({ terms, termsByClaim }: Issuer, claims: Claims): KeyTerms {
  if (termsByClaim === undefined) return terms;
  return entryOf(termsByClaim.terms, readTextClaim(claims, termsByClaim.claim)) ?? terms;
}

/** At most the issuer's scopes. */
function scopesOf({ scopes, scopeClaim }: Issuer, claims: Claims): readonly Scope[] {
  if (scopeClaim === undefined) return scopes.filter((scope) => ordinaryScopes.includes(scope));
  const claimed = readListClaim(claims, scopeClaim);
  return scopes.filter((scope) => claimed.includes(scope));
}

/** Own entries only: a claim may be called `constructor`. */
function entryOf<Value>(table: Readonly<Record<string, Value>>, name: string | undefined): Value | undefined {
  return name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}
