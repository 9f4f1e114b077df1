import type { TokenLogprobs } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { TokenBytes } from "@sluice/shared/token-bytes.ts";
import { labelToken, type TokenLabel } from "#ingress/text/token-label.ts";

interface LabelledLogprob {
  readonly label: TokenLabel;
  /** Natural logarithm. */
  readonly logprob: number;
}

/** A token of an answer whose logprobs were asked for. */
export interface LoggedToken {
  readonly label: TokenLabel;
  /** Undefined for the first token of a prompt: nothing came before it. */
  readonly logprob: number | undefined;
  /** The likeliest in its place, likeliest first. */
  readonly top: readonly LabelledLogprob[];
  /** Where it begins in the answer's whole text, in Unicode code points. */
  readonly textOffset: number;
}

/** `logprobs` is undefined for the first token of a prompt. */
export function logToken(
  tokenId: number,
  logprobs: TokenLogprobs | undefined,
  textOffset: number,
  tokenBytes: TokenBytes,
): LoggedToken {
  const { topTokenIds = [], topLogprobs = [] } = logprobs ?? {};
  const top = topTokenIds.map((id, rank) => ({ label: labelToken(id, tokenBytes), logprob: topLogprobs[rank] ?? NaN }));
  return { label: labelToken(tokenId, tokenBytes), logprob: logprobs?.logprob, top, textOffset };
}

/** Length in Unicode code points. */
export function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
