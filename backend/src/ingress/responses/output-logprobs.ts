import type { OutputLogprob } from "@sluice/shared/openai/response.ts";
import type { LoggedToken } from "#ingress/generation/logged-token.ts";
import type { TokenLabel } from "#ingress/text/token-label.ts";

/** Empty when none were asked for. */
export function toOutputLogprobs(tokens: readonly LoggedToken[] = []): OutputLogprob[] {
  return tokens.map(({ label, logprob, top }) => ({
    ...toLogprob(label, logprob ?? 0),
    top_logprobs: top.map((each) => toLogprob(each.label, each.logprob)),
  }));
}

function toLogprob({ text, bytes }: TokenLabel, logprob: number): Omit<OutputLogprob, "top_logprobs"> {
  return { token: text, logprob, bytes: [...(bytes ?? [])] };
}
