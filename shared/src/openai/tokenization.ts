/** What `POST /v1/tokenize` answers. */
export interface Tokenization {
  readonly count: number;
  /** Most tokens of prompt and output together. */
  readonly max_model_len: number;
  readonly tokens: readonly number[];
  /** Null unless asked for. */
  readonly token_strs: readonly string[] | null;
}

/** What `POST /v1/detokenize` answers. */
export interface Detokenization {
  readonly prompt: string;
}
