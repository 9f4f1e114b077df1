import type { CharSet } from "#ingress/grammar/char-set.ts";

/** A regular expression without its syntax. */
export type RegexNode =
  | { readonly kind: "chars"; readonly set: CharSet }
  | { readonly kind: "sequence"; readonly parts: readonly RegexNode[] }
  | { readonly kind: "choice"; readonly choices: readonly RegexNode[] }
  /** `max` is Infinity when there is no bound. */
  | { readonly kind: "repeat"; readonly part: RegexNode; readonly min: number; readonly max: number }
  /** `^` and `$`. */
  | { readonly kind: "start" }
  | { readonly kind: "end" };
