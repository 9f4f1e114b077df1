// Parameters that OpenAI documents and we do not serve. Ignoring one that changes the output would be a silent wrong
// answer, so each is named in its schema together with the values that ask for nothing.
import * as z from "zod/mini";

/** Marks the issue of an unsupported parameter; read by `parse-request.ts`. */
export const unsupportedMark = { unsupported: true } as const;

/** A parameter accepted only when absent, null, or when `asksForNothing`, which sees neither of the two. */
export function unsupportedUnless(asksForNothing: (value: unknown) => boolean) {
  const isNeutral = (value: unknown): boolean => value === null || value === undefined || asksForNothing(value);
  return z.optional(z.unknown().check(z.refine(isNeutral, { params: unsupportedMark })));
}

/** A parameter accepted only when absent, null, or one of `neutral`. */
export function unsupported(...neutral: readonly (string | number | boolean)[]) {
  return unsupportedUnless((value) => neutral.some((one) => one === value));
}

/** A list or map accepted only when absent, null, or empty. */
export function unsupportedUnlessEmpty() {
  return unsupportedUnless((value) => typeof value === "object" && Object.keys(value ?? {}).length === 0);
}
