import { AppError } from "@sluice/shared/errors.ts";
import type { Handler } from "hono";
import type { EdgeContext } from "#edge/context.ts";

/** The end of a path that has handlers, but none for the request's method. */
export function refuseMethod(...allowed: readonly string[]): Handler<EdgeContext> {
  return (c) => {
    c.header("allow", allowed.join(", "));
    throw new AppError("method_not_allowed");
  };
}

/** The end of a path that has no handlers. */
export function refuseUnknownPath(): never {
  throw new AppError("not_found");
}
