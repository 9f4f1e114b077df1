import * as z from "zod/mini";

/** OpenAI takes an int64; its largest, read as JSON's numbers are, is this. */
const largest = 2 ** 63;
/** The largest prime below 2^53. */
const modulus = 9_007_199_254_740_881;

/**
 * A safe integer. Where JavaScript counts in larger steps than one, beyond 2^53, a seed is folded into a safe one: the same
 * always into the same.
 */
export const seedSchema = z.pipe(
  z.number().check(
    z.multipleOf(1),
    // zod takes what is nearly nothing for a multiple of 1.
    z.refine((seed) => Number.isInteger(seed), { error: "expected integer" }),
    z.gte(-largest),
    z.lte(largest),
  ),
  z.transform((seed) => (Number.isSafeInteger(seed) ? seed : seed % modulus)),
);
