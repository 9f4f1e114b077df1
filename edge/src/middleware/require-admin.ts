import { AppError } from "@sluice/shared/errors.ts";
import { createMiddleware } from "hono/factory";
import { bearerToken } from "#edge/auth/bearer.ts";
import { equalsInConstantTime } from "#edge/auth/constant-time.ts";
import { hashSecret } from "#edge/auth/secret-hash.ts";
import type { EdgeContext } from "#edge/context.ts";

/** Lets only the holder of ADMIN_KEY pass. Hashes are compared, so that not even the key's length can be timed. */
export function requireAdmin(adminKey: string) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const token = bearerToken(c.req.header("authorization"));
    if (token === undefined) throw new AppError("missing_api_key");
    if (!equalsInConstantTime(await hashSecret(token), await hashSecret(adminKey))) {
      throw new AppError("invalid_api_key");
    }
    await next();
  });
}
