// Parameters that OpenAI or vLLM document and we do not serve. Ignoring one that changes the output would be a silent wrong
// answer, so each is named in its schema together with the values that ask for nothing.
import * as z from "zod/mini";

/** Marks the issue of an unsupported parameter; read by `parse-request.ts`. */
export interface UnsupportedMark {
  readonly unsupported: true;
  /** After "is not supported": where, or with which values. */
  readonly scope: string;
  /** What a caller can do instead, as a sentence; undefined when there is nothing. */
  readonly instead: string | undefined;
}

const here = "here";
const thisValue = "with this value";

/** A parameter accepted only when absent, null, or when `asksForNothing`, which sees neither of the two. */
export function unsupportedUnless(asksForNothing: (value: unknown) => boolean, instead?: string) {
  const isNeutral = (value: unknown): boolean => isAbsent(value) || asksForNothing(value);
  return z.optional(z.unknown().check(z.refine(isNeutral, { params: markOf(thisValue, instead) })));
}

/** A parameter accepted only when absent, null, or one of `neutral`. */
export function unsupported(...neutral: readonly (string | number | boolean)[]) {
  const others = neutral.map((one) => JSON.stringify(one)).join(" or ");
  const scope = neutral.length === 0 ? here : `with another value than ${others}`;
  const isNeutral = (value: unknown): boolean => isAbsent(value) || neutral.some((one) => one === value);
  return z.optional(z.unknown().check(z.refine(isNeutral, { params: markOf(scope, undefined) })));
}

/** A parameter accepted only when absent or null, for which there is another way. */
export function unsupportedFor(instead: string) {
  return z.optional(z.unknown().check(z.refine(isAbsent, { params: markOf(here, instead) })));
}

/** A list or map accepted only when absent, null, or empty. */
export function unsupportedUnlessEmpty(instead?: string) {
  return unsupportedUnless((value) => typeof value === "object" && Object.keys(value ?? {}).length === 0, instead);
}

/** Members of a union on `type` that are known and never taken. */
export function unsupportedTypes(types: readonly string[], instead: string) {
  const known = z
    .looseObject({ type: z.enum(types) })
    .check(z.refine(() => false, { params: markOf(thisValue, instead) }));
  return z.pipe(known, z.never());
}

export function isUnsupportedMark(params: unknown): params is UnsupportedMark {
  return typeof params === "object" && params !== null && "unsupported" in params;
}

function markOf(scope: string, instead: string | undefined): { [name: string]: unknown } & UnsupportedMark {
  return { unsupported: true, scope, instead };
}

function isAbsent(value: unknown): boolean {
  return value === null || value === undefined;
}
