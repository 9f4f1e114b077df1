import * as z from "zod/mini";

/** No half of a surrogate pair, so that a match can never begin or end inside a character. */
export const wellFormed = z.refine<string>((text) => text.isWellFormed(), {
  error: "expected text of whole characters",
});
