// What `POST /v1/completions` answers. Source: OpenAI API reference.
import type { CompletionLogprobs } from "./logprobs.ts";
import type { CompletionFinishReason, CompletionUsage } from "./usage.ts";

/** Whole answers and stream events have the same shape. */
export interface Completion {
  readonly id: string;
  readonly object: "text_completion";
  /** Seconds since the Unix epoch. */
  readonly created: number;
  readonly model: string;
  /** Empty in the usage event of a stream. */
  readonly choices: readonly {
    readonly index: number;
    readonly text: string;
    readonly logprobs: CompletionLogprobs | null;
    /** Null in a stream until the last choice. */
    readonly finish_reason: CompletionFinishReason | null;
    /** Only with `return_token_ids`; in a stream the tokens since the choice's last event. */
    readonly token_ids?: readonly number[];
    /** Only with `return_token_ids`; in a stream in the choice's first event. */
    readonly prompt_token_ids?: readonly number[];
  }[];
  /** In a stream absent unless asked for, and null in every event but the last. */
  readonly usage?: CompletionUsage | null;
}
