// `POST /oauth/token`: OAuth 2.0 client credentials (RFC 6749, section 4.4). The client is a key: its id is the client id, the
// key itself the client secret. A secret that was guessed fails by its tag; only a key that was minted here reaches its gate, which
// is asked once, and a second time by a client that does not say which scopes it wants. Errors have the RFC's form, since OAuth clients expect it, and its codes.
import type { Context, Handler } from "hono";
import type { DenialAudit } from "#edge/admin/denial-audit.ts";
import { parseApiKey } from "#edge/auth/api-key.ts";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import type { KeyTagger } from "#edge/auth/key-tag.ts";
import type { Principal } from "#edge/auth/principal.ts";
import { type OwnTokens, ownTokenLifetimeS } from "#edge/auth/own-token/own-tokens.ts";
import { ordinaryScopes, type Scope, scopeSchema } from "#edge/auth/scope.ts";
import { hashSecret, secretMark } from "#edge/auth/secret-hash.ts";
import { readBytes } from "#edge/body/read-bytes.ts";
import type { EdgeContext } from "#edge/context.ts";
import { auditDenial } from "./admit.ts";

/** A token request is a few short fields. */
const bodyBounds = { maxBodyBytes: 8 * 1024, bodyTimeoutMs: 5_000 };

export interface TokenEndpointParts {
  readonly tagger: KeyTagger;
  readonly gates: KeyGates;
  readonly ownTokens: OwnTokens;
  readonly denials: DenialAudit;
}

type OAuthError = "invalid_request" | "invalid_client" | "invalid_scope" | "unsupported_grant_type";

export function issueToken({ tagger, gates, ownTokens, denials }: TokenEndpointParts): Handler<EdgeContext> {
  return async (c) => {
    const form = await readForm(c.req.raw);
    if (form === undefined) return refuse(c, "invalid_request");
    if (form.get("grant_type") !== "client_credentials") return refuse(c, "unsupported_grant_type");
    const asked = readScopes(form.get("scope"));
    if (asked === undefined) return refuse(c, "invalid_scope");
    const client = readBasic(c.req.header("authorization")) ?? {
      id: form.get("client_id"),
      secret: form.get("client_secret"),
    };
    const key = client.secret === null ? undefined : await parseApiKey(client.secret, tagger);
    if (key === undefined || key.keyId !== client.id) return refuse(c, "invalid_client");

    const credential = { kind: "secret", keyId: key.keyId, secretHash: await hashSecret(key.secret) } as const;
    const question = {
      requestId: c.get("requestId"),
      credential,
      scopes: asked === "unsaid" ? [] : asked,
      ip: c.req.header("cf-connecting-ip"),
      origin: c.req.header("origin"),
      model: undefined,
      serviceTier: "default",
      demand: undefined,
    } as const;
    const admission = await gates.admit({ keyId: key.keyId }, question, (work) => c.executionCtx.waitUntil(work));
    if (admission.kind === "refused" && admission.reason === "ip_not_allowed") auditDenial(c, denials, key.keyId);
    if (admission.kind !== "admitted") {
      const isScope = admission.kind === "refused" && admission.reason === "scope_missing";
      return refuse(c, isScope ? "invalid_scope" : "invalid_client");
    }
    const scopes = asked === "unsaid" ? await ordinaryScopesOf(admission.principal, gates) : asked;
    if (scopes.length === 0) return refuse(c, "invalid_scope");
    const token = await ownTokens.issue({ keyId: key.keyId, scopes, secretMark: secretMark(credential.secretHash) });
    // RFC 6749, section 5.1.
    c.header("cache-control", "no-store");
    return c.json({
      access_token: token,
      token_type: "Bearer",
      expires_in: ownTokenLifetimeS,
      scope: scopes.join(" "),
    });
  };
}

/** Absent when the body is no form. */
async function readForm(request: Request): Promise<URLSearchParams | undefined> {
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/x-www-form-urlencoded") return undefined;
  return new URLSearchParams(new TextDecoder().decode(await readBytes(request, bodyBounds)));
}

/** Absent when one is none of ours. A field without a value is one that was left out (RFC 6749, section 3.2). */
function readScopes(text: string | null): readonly Scope[] | "unsaid" | undefined {
  if (text === null || text === "") return "unsaid";
  const scopes = [...new Set(text.split(" "))].map((part) => scopeSchema.safeParse(part));
  return scopes.every(({ success }) => success) ? scopes.flatMap(({ data }) => data ?? []) : undefined;
}

/** What a client gets that asks for no scope: those of its key but `admin`, which must be asked for (section 3.3). */
async function ordinaryScopesOf({ keyId, projectId }: Principal, gates: KeyGates): Promise<readonly Scope[]> {
  const key = await gates.describe(keyId, projectId);
  const held = key === undefined ? [] : (key.record.scopes ?? ordinaryScopes);
  return ordinaryScopes.filter((scope) => held.includes(scope));
}

/** The client in an `Authorization: Basic` header; both halves are form-encoded (RFC 6749, section 2.3.1). */
function readBasic(authorization: string | undefined): { id: string; secret: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  try {
    const [id = "", ...rest] = atob(encoded).split(":");
    return { id: decodeURIComponent(id), secret: decodeURIComponent(rest.join(":")) };
  } catch {
    return { id: "", secret: "" };
  }
}

function refuse(c: Context<EdgeContext>, error: OAuthError) {
  c.header("cache-control", "no-store");
  if (error !== "invalid_client") return c.json({ error }, 400);
  c.header("www-authenticate", 'Basic realm="sluice"');
  return c.json({ error }, 401);
}
