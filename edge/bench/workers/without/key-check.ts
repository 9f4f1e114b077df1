// A credential that is checked once and then known by its text.
import { createMiddleware } from "hono/factory";
import { type Authenticators, authenticate as check } from "../../../src/middleware/authenticate.ts";
import type { Credential } from "#edge/auth/credential.ts";
import type { EdgeContext } from "#edge/context.ts";

export function authenticate(authenticators: Authenticators) {
  // authorization header -> what it proved
  const known = new Map<string, Credential>();
  const checkNow = check(authenticators);
  return createMiddleware<EdgeContext>(async (c, next) => {
    const authorization = c.req.header("authorization") ?? "";
    const credential = known.get(authorization);
    if (credential === undefined) {
      const result = await checkNow(c, next);
      known.set(authorization, c.get("credential"));
      return result;
    }
    c.set("credential", credential);
    return next();
  });
}
