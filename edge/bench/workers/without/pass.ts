// A step of the pipeline that does nothing.
import type { MiddlewareHandler } from "hono";

const pass: MiddlewareHandler = async (_c, next) => next();

export const limitHeaders = pass;
export const secureReply = () => pass;
export const shieldFromFloods = () => pass;
