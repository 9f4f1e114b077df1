// What `POST /v1/chat/completions` answers. Source: OpenAI API reference.
import type { ChatLogprobs } from "./logprobs.ts";
import type { ServedTier } from "./service-tier.ts";
import type { FunctionCall, ToolCall } from "./tools.ts";
import type { CompletionFinishReason, CompletionUsage } from "./usage.ts";

/** `function_call` is `tool_calls` where the request said `functions`. */
export type ChatFinishReason = CompletionFinishReason | "function_call";

export interface ChatCompletion {
  readonly id: string;
  readonly object: "chat.completion";
  /** Seconds since the Unix epoch. */
  readonly created: number;
  readonly model: string;
  /** Told when the request asked for one. */
  readonly service_tier?: ServedTier;
  /** Only with `return_token_ids`. */
  readonly prompt_token_ids?: readonly number[];
  readonly choices: readonly {
    readonly index: number;
    readonly message: {
      readonly role: "assistant";
      /** Null when there are calls and no text. */
      readonly content: string | null;
      readonly refusal: null;
      /** What the model thought before, as vLLM and DeepSeek name it; absent when it did not. */
      readonly reasoning_content?: string;
      /** Absent when there are none. */
      readonly tool_calls?: readonly ToolCall[];
      /** Instead of it, where the request said `functions`. */
      readonly function_call?: FunctionCall;
    };
    readonly logprobs: ChatLogprobs | null;
    readonly finish_reason: ChatFinishReason;
    /** Only with `return_token_ids`. */
    readonly token_ids?: readonly number[];
  }[];
  readonly usage: CompletionUsage;
}

/** The call's id and name first, then its arguments in pieces. */
export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: "function";
  readonly function: { readonly name?: string; readonly arguments: string };
}

/** One event of a stream: the role first, then text, then the finish reason, then, when asked for, usage. */
export interface ChatCompletionChunk {
  readonly id: string;
  readonly object: "chat.completion.chunk";
  readonly created: number;
  readonly model: string;
  readonly service_tier?: ServedTier;
  /** In the first chunk, with `return_token_ids`. */
  readonly prompt_token_ids?: readonly number[];
  /** Empty in the usage chunk. */
  readonly choices: readonly {
    readonly index: number;
    readonly delta: {
      readonly role?: "assistant";
      readonly content?: string;
      readonly reasoning_content?: string;
      readonly tool_calls?: readonly ToolCallDelta[];
      /** The name first, then the arguments in pieces. */
      readonly function_call?: ToolCallDelta["function"];
    };
    readonly logprobs: ChatLogprobs | null;
    readonly finish_reason: ChatFinishReason | null;
    /** The tokens since the last chunk of this choice, with `return_token_ids`. */
    readonly token_ids?: readonly number[];
  }[];
  /** Absent unless asked for; null in every chunk but the last. */
  readonly usage?: CompletionUsage | null;
}
