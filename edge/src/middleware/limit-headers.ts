import { AppError } from "@sluice/shared/errors.ts";
import { createMiddleware } from "hono/factory";
import type { EdgeContext } from "#edge/context.ts";

/** An SDK sends about thirty, a browser through a few proxies some more. */
const maxHeaders = 100;
/** A token of 16 KiB and as much again for the rest. */
const maxSizeChars = 32_768;

/** Refuses requests whose headers nobody needs, before anything reads them. */
export const limitHeaders = createMiddleware<EdgeContext>(async (c, next) => {
  let numHeaders = 0;
  let sizeChars = 0;
  c.req.raw.headers.forEach((value, name) => {
    numHeaders += 1;
    sizeChars += name.length + value.length;
  });
  if (numHeaders > maxHeaders || sizeChars > maxSizeChars) throw new AppError("headers_too_large");
  await next();
});
