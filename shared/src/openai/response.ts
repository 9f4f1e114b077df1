// What `POST /v1/responses` answers. Source: OpenAI API reference, Response and its output items.
import type { ResponseRequest, TextFormat } from "./response-request.ts";
import { type ServedTier, servedTier } from "./service-tier.ts";
import type { ReasoningEffort } from "./template-fields.ts";

type ItemStatus = "in_progress" | "completed" | "incomplete";

/** As of chat completions, but for control tokens, whose bytes are none. */
export interface OutputLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
  /** Likeliest first. */
  readonly top_logprobs: readonly Omit<OutputLogprob, "top_logprobs">[];
}

export interface OutputTextPart {
  readonly type: "output_text";
  readonly text: string;
  readonly annotations: readonly never[];
  readonly logprobs: readonly OutputLogprob[];
}

export interface MessageOutput {
  readonly type: "message";
  readonly id: string;
  readonly role: "assistant";
  readonly status: ItemStatus;
  readonly content: readonly OutputTextPart[];
}

export interface FunctionCallOutput {
  readonly type: "function_call";
  readonly id: string;
  readonly call_id: string;
  readonly name: string;
  /** JSON, unless the length cut it off. */
  readonly arguments: string;
  readonly status: ItemStatus;
}

export interface ReasoningTextPart {
  readonly type: "reasoning_text";
  readonly text: string;
}

/** What a model thought before it answered. */
export interface ReasoningOutput {
  readonly type: "reasoning";
  readonly id: string;
  readonly status: ItemStatus;
  readonly summary: readonly never[];
  readonly content: readonly ReasoningTextPart[];
}

export type OutputItem = MessageOutput | FunctionCallOutput | ReasoningOutput;

/** Counts are the engine's. */
export interface ResponseUsage {
  readonly input_tokens: number;
  readonly input_tokens_details: { readonly cached_tokens: number; readonly cache_write_tokens: number };
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly reasoning_tokens: number };
  readonly total_tokens: number;
}

export type ResponseStatus = "queued" | "in_progress" | "completed" | "incomplete" | "failed" | "cancelled";

export interface ResponseObject {
  readonly id: string;
  readonly object: "response";
  /** Seconds since the Unix epoch. */
  readonly created_at: number;
  readonly status: ResponseStatus;
  /** Null unless `completed`. */
  readonly completed_at: number | null;
  readonly error: { readonly code: "server_error" | "rate_limit_exceeded"; readonly message: string } | null;
  readonly incomplete_details: { readonly reason: "max_output_tokens" } | null;
  readonly background: boolean;
  readonly store: boolean;
  readonly model: string;
  readonly instructions: string | null;
  readonly previous_response_id: string | null;
  readonly max_output_tokens: number | null;
  readonly max_tool_calls: number | null;
  readonly output: readonly OutputItem[];
  readonly parallel_tool_calls: boolean;
  /** Null where the model's own default is not known yet. */
  readonly temperature: number | null;
  readonly top_p: number | null;
  readonly top_logprobs: number;
  readonly text: { readonly format: TextFormat; readonly verbosity: "medium" };
  readonly tool_choice: NonNullable<ResponseRequest["tool_choice"]>;
  readonly tools: readonly unknown[];
  readonly truncation: "auto" | "disabled";
  readonly reasoning: { readonly effort: ReasoningEffort | null; readonly summary: null };
  readonly service_tier: ServedTier;
  readonly metadata: Readonly<Record<string, string>>;
  readonly safety_identifier: string | null;
  readonly prompt_cache_key: string | null;
  /** Absent where the request named none. */
  readonly user?: string;
  /** Absent until it has ended. */
  readonly usage?: ResponseUsage;
}

export interface ResponseHead {
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly createdS: number;
  /** What the model takes where the request does not say; null where that is not known. */
  readonly defaults: { readonly temperature: number | null; readonly topP: number | null };
}

/** A response before its first output: what was asked, with the defaults of what was not. */
export function describeResponse(
  request: ResponseRequest,
  { id, createdS, defaults }: ResponseHead,
  status: ResponseStatus,
): ResponseObject {
  const tools = request.tools ?? [];
  return {
    id,
    object: "response",
    created_at: createdS,
    status,
    completed_at: null,
    error: null,
    incomplete_details: null,
    background: request.background ?? false,
    store: request.store ?? true,
    model: request.model,
    instructions: request.instructions ?? null,
    previous_response_id: request.previous_response_id ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: request.max_tool_calls ?? null,
    output: [],
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    temperature: request.temperature ?? defaults.temperature,
    top_p: request.top_p ?? defaults.topP,
    top_logprobs: request.top_logprobs ?? 0,
    text: { format: request.text?.format ?? { type: "text" }, verbosity: "medium" },
    tool_choice: request.tool_choice ?? "auto",
    tools: tools.map((tool) => ({
      ...tool,
      description: tool.description ?? null,
      parameters: tool.parameters ?? null,
      strict: tool.strict ?? true,
    })),
    truncation: request.truncation ?? "disabled",
    reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
    service_tier: servedTier(request.service_tier ?? "auto"),
    metadata: { ...request.metadata },
    safety_identifier: request.safety_identifier ?? null,
    prompt_cache_key: request.prompt_cache_key ?? null,
    ...(typeof request.user === "string" && { user: request.user }),
  };
}
