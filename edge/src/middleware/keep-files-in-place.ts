import { AppError } from "@sluice/shared/errors.ts";
import { createMiddleware } from "hono/factory";
import type { EdgeContext } from "#edge/context.ts";

/**
 * Refuses credentials that are bound to jurisdictions of which that of the bucket and the database is none: what such a
 * credential sends would leave them.
 * @param place where the operator put both. Absent: nobody says.
 */
export function keepFilesInPlace(place: string | undefined) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const { jurisdictions } = c.get("admitted").routing;
    if (jurisdictions !== undefined && (place === undefined || !jurisdictions.includes(place))) {
      const publicText = "Files cannot be kept in the jurisdictions you are bound to.";
      throw new AppError("permission_denied", { publicText });
    }
    await next();
  });
}
