import type { CompletionLogprobs } from "@sluice/shared/openai/logprobs.ts";
import type { LoggedToken } from "#ingress/generation/logged-token.ts";
import type { TokenLabel } from "#ingress/text/token-label.ts";

/** Null when none were asked for. */
export function toCompletionLogprobs(tokens: readonly LoggedToken[] | undefined): CompletionLogprobs | null {
  if (tokens === undefined) return null;
  return {
    tokens: tokens.map(({ label }) => toName(label)),
    token_logprobs: tokens.map(({ logprob }) => logprob ?? null),
    top_logprobs: tokens.map(toTopLogprobs),
    text_offset: tokens.map(({ textOffset }) => textOffset),
  };
}

/** Of tokens that read alike the likeliest is told. */
function toTopLogprobs({ label, logprob, top }: LoggedToken): Readonly<Record<string, number>> | null {
  if (logprob === undefined) return null;
  const named = top.map((each) => [toName(each.label), each.logprob] as const);
  // The last of equal keys stays. `fromEntries` makes own properties, whatever a token is called.
  return Object.fromEntries([...named, [toName(label), logprob] as const].toReversed());
}

function toName({ text, isWhole }: TokenLabel): string {
  return isWhole ? text : `bytes:${text}`;
}
