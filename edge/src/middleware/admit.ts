import { AppError, type ErrorCode } from "@sluice/shared/errors.ts";
import { createMiddleware } from "hono/factory";
import type { RefusalReason } from "#edge/auth/decide-admission.ts";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";

/** What the caller is told. A key that does not exist and one with a wrong secret look the same from outside. */
const codeOfRefusal: Readonly<Record<RefusalReason, ErrorCode>> = {
  unknown_key: "invalid_api_key",
  wrong_secret: "invalid_api_key",
  revoked: "key_revoked",
  expired: "key_expired",
  model_not_allowed: "model_not_found",
};

/** Asks the key's gate: the one hop of every request. */
export function admit(gates: KeyGates, now: Clock) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const { keyId, secretHash } = c.get("credential");
    const model = c.get("model") ?? c.req.param("model");
    const admission = await gates.admit(keyId, { secretHash, model, nowMs: now() });
    if (!admission.admitted) {
      throw new AppError(codeOfRefusal[admission.reason], { detail: `key ${keyId}: ${admission.reason}` });
    }
    c.set("principal", admission.principal);
    await next();
  });
}
