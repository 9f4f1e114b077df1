// Log-probabilities as the two endpoints word them. Source: OpenAI API reference.

/** One token and its natural logarithm of probability. */
export interface TokenLogprob {
  /** Its text. Bytes that are no whole character are written `\xf0`; a control token as the vocabulary spells it. */
  readonly token: string;
  readonly logprob: number;
  /** UTF-8, to be joined with its neighbours' where a character takes several tokens; null for a control token. */
  readonly bytes: readonly number[] | null;
}

/** `choices[].logprobs` of a chat completion, or of a piece of one. Absent ones are null. */
export interface ChatLogprobs {
  readonly content: readonly (TokenLogprob & {
    /** Likeliest first. */
    readonly top_logprobs: readonly TokenLogprob[];
  })[];
  readonly refusal: null;
}

/** `choices[].logprobs` of a text completion: four lists of the same length, one entry a token. */
export interface CompletionLogprobs {
  /** Bytes that are no whole character are written `bytes:\xf0`. */
  readonly tokens: readonly string[];
  /** Null for the first token of an echoed prompt: nothing came before it. */
  readonly token_logprobs: readonly (number | null)[];
  /** token -> logprob: the likeliest, and the token itself. Null where `token_logprobs` is. */
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
  /** Where each token begins in the choice's whole text, in Unicode code points. */
  readonly text_offset: readonly number[];
}
