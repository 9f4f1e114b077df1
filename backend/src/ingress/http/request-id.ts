import { randomUUID } from "node:crypto";

const wellFormed = /^[\w.:-]{1,128}$/;

/** The id that came with the request when it is fit for a header and a log, else a new one. */
export function requestIdOf(header: string | readonly string[] | undefined): string {
  return typeof header === "string" && wellFormed.test(header) ? header : `req_${randomUUID().replaceAll("-", "")}`;
}
