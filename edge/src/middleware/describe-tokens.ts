import type { Handler } from "hono";
import { ownIssuer, type OwnTokens } from "#edge/auth/own-token/own-tokens.ts";
import { scopeSchema } from "#edge/auth/scope.ts";
import type { EdgeContext } from "#edge/context.ts";

/** `GET /.well-known/jwks.json`: the keys of the tokens we issue (RFC 7517). */
export function publishKeys(ownTokens: OwnTokens): Handler<EdgeContext> {
  return (c) => {
    c.header("cache-control", "public, max-age=300");
    return c.json(ownTokens.jwks);
  };
}

/** `GET /.well-known/oauth-authorization-server` (RFC 8414). */
export function describeTokenEndpoint(): Handler<EdgeContext> {
  return (c) => {
    const { origin } = new URL(c.req.url);
    c.header("cache-control", "public, max-age=300");
    return c.json({
      issuer: ownIssuer,
      token_endpoint: `${origin}/oauth/token`,
      jwks_uri: `${origin}/.well-known/jwks.json`,
      grant_types_supported: ["client_credentials"],
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
      scopes_supported: scopeSchema.options,
      response_types_supported: [],
    });
  };
}
