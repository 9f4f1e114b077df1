import { AppError } from "@sluice/shared/errors.ts";
import { createMiddleware } from "hono/factory";
import { parseApiKey } from "#edge/auth/api-key.ts";
import { bearerToken } from "#edge/auth/bearer.ts";
import type { KeyTagger } from "#edge/auth/key-tag.ts";
import type { Issuer } from "#edge/auth/jwt/issuer.ts";
import { tenantOf } from "#edge/auth/jwt/tenant.ts";
import { looksLikeToken, type TokenVerifier } from "#edge/auth/jwt/verify-token.ts";
import { OwnTokens } from "#edge/auth/own-token/own-tokens.ts";
import type { Credential } from "#edge/auth/credential.ts";
import { hashSecret } from "#edge/auth/secret-hash.ts";
import type { EdgeContext } from "#edge/context.ts";

/** The board asks an issuer no sooner again. */
const keysRetryAfterMs = 30_000;

export interface Authenticators {
  readonly tagger: KeyTagger;
  readonly ownTokens: OwnTokens;
  readonly verifier: TokenVerifier;
}

/**
 * Reads the caller's credential: an API key, or a token of ours or of an organization's issuer. What is refused here has cost
 * two hashes or a signature and no gate, which is why this comes before the body is read.
 */
export function authenticate(authenticators: Authenticators) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const token = bearerToken(c.req.header("authorization"));
    if (token === undefined) throw new AppError("missing_api_key");
    c.set("credential", await readCredential(token, authenticators));
    await next();
  });
}

/** Throws when the text is no credential of ours. */
export async function readCredential(text: string, authenticators: Authenticators): Promise<Credential> {
  const { tagger, ownTokens, verifier } = authenticators;
  if (looksLikeToken(text)) {
    return OwnTokens.claims(text) ? readOwnToken(text, ownTokens) : readIssuersToken(text, verifier);
  }
  const key = await parseApiKey(text, tagger);
  if (key === undefined) throw new AppError("invalid_api_key");
  return { kind: "secret", keyId: key.keyId, secretHash: await hashSecret(key.secret) };
}

async function readOwnToken(token: string, ownTokens: OwnTokens): Promise<Credential> {
  const verdict = await ownTokens.verify(token);
  switch (verdict.kind) {
    case "valid":
      return { ...verdict, kind: "ownToken" };
    case "expired":
      throw new AppError("token_expired");
    case "invalid":
      throw new AppError("invalid_token", { detail: verdict.reason });
  }
}

async function readIssuersToken(token: string, verifier: TokenVerifier): Promise<Credential> {
  const verdict = await verifier.verify(token);
  switch (verdict.kind) {
    case "valid": {
      const tenant = await tenantOf(verdict.issuer, verdict.claims);
      if (tenant === undefined)
        throw invalidToken("the claims name no tenant or project", claimsNeededBy(verdict.issuer));
      return { kind: "tenant", keyId: tenant.record.keyId, untilMs: verdict.untilMs, ...tenant };
    }
    case "expired":
      throw new AppError("token_expired");
    case "invalid":
      throw invalidToken(verdict.reason, verdict.told);
    case "keys_unavailable":
      throw new AppError("unavailable", {
        publicText: "The token's issuer cannot be reached to verify it.",
        detail: `no keys of ${verdict.issuerId}`,
        retryAfterMs: keysRetryAfterMs,
      });
  }
}

/** `told` to the caller, where the issuer signed the token. */
function invalidToken(detail: string, told: string | undefined): AppError {
  const publicText = told === undefined ? undefined : `The token is not valid here: ${told}`;
  return new AppError("invalid_token", { detail, ...(publicText !== undefined && { publicText }) });
}

function claimsNeededBy({ tenantClaim, project }: Issuer): string {
  const paths = project === undefined ? [tenantClaim] : [tenantClaim, project.claim];
  return `no tenant or project follows from its ${paths.map((path) => `'${path.join(".")}'`).join(" and ")}.`;
}
