import type { ChatLogprobs, TokenLogprob } from "@sluice/shared/openai/logprobs.ts";
import type { LoggedToken } from "#ingress/generation/logged-token.ts";
import type { TokenLabel } from "#ingress/text/token-label.ts";

/** Null when none were asked for. */
export function toChatLogprobs(tokens: readonly LoggedToken[] | undefined): ChatLogprobs | null {
  if (tokens === undefined) return null;
  const content = tokens.map(({ label, logprob, top }) => ({
    ...toTokenLogprob(label, logprob ?? 0),
    top_logprobs: top.map((each) => toTokenLogprob(each.label, each.logprob)),
  }));
  return { content, refusal: null };
}

function toTokenLogprob({ text, bytes }: TokenLabel, logprob: number): TokenLogprob {
  return { token: text, logprob, bytes: bytes === undefined ? null : [...bytes] };
}
