/** What a model can be asked for. */
export interface ModelCapabilities {
  readonly chat: boolean;
  readonly completions: boolean;
  readonly embeddings: boolean;
  /** Whether `tools` can be given. */
  readonly tools: boolean;
  readonly structured_output: boolean;
  /** Whether it thinks before it answers, and its thoughts are told apart. */
  readonly reasoning: boolean;
}

/** A served model, as `GET /v1/models` lists it. What OpenAI's have not is vLLM's, but for the capabilities. */
export interface Model {
  readonly id: string;
  readonly object: "model";
  /** Seconds since the Unix epoch. */
  readonly created: number;
  readonly owned_by: string;
  /** Most tokens of prompt and output together; absent while no engine is there to ask. */
  readonly max_model_len?: number;
  readonly capabilities: ModelCapabilities;
}

export interface ModelList {
  readonly object: "list";
  readonly data: readonly Model[];
}
