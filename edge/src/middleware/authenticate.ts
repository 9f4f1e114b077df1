import { AppError } from "@sluice/shared/errors.ts";
import { createMiddleware } from "hono/factory";
import { parseApiKey } from "#edge/auth/api-key.ts";
import { bearerToken } from "#edge/auth/bearer.ts";
import type { KeyTagger } from "#edge/auth/key-tag.ts";
import { hashSecret } from "#edge/auth/secret-hash.ts";
import type { EdgeContext } from "#edge/context.ts";

/**
 * Reads the caller's credential. What is refused here has cost two hashes and no storage, which is why this comes before
 * the body is read.
 */
export function authenticate(tagger: KeyTagger) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const token = bearerToken(c.req.header("authorization"));
    if (token === undefined) throw new AppError("missing_api_key");
    const key = await parseApiKey(token, tagger);
    if (key === undefined) throw new AppError("invalid_api_key");
    c.set("credential", { kind: "apiKey", keyId: key.keyId, secretHash: await hashSecret(key.secret) });
    await next();
  });
}
