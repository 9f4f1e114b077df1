import { AppError } from "@sluice/shared/errors.ts";
import type { Handler } from "hono";
import type { EdgeContext } from "#edge/context.ts";

/** The end of a path that has handlers, but none for the request's method; one that asks for the methods is told them. */
export function refuseMethod(...allowed: readonly string[]): Handler<EdgeContext> {
  return (c) => {
    if (c.req.method === "OPTIONS") {
      // Whoever may GET may ask for the headers alone.
      const answered = allowed.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
      return c.body(null, 204, { allow: [...answered, "OPTIONS"].join(", ") });
    }
    c.header("allow", allowed.join(", "));
    throw new AppError("method_not_allowed");
  };
}

/** The end of a path that has no handlers. */
export function refuseUnknownPath(): never {
  throw new AppError("unknown_url");
}
