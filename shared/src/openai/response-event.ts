// What a streamed response says, in order. Source: OpenAI API reference, ResponseStreamEvent.
import type { OutputItem, OutputLogprob, OutputTextPart, ReasoningTextPart, ResponseObject } from "./response.ts";

interface PartAddress {
  readonly item_id: string;
  /** The item's place in `output`. */
  readonly output_index: number;
  /** The part's place in the item. */
  readonly content_index: number;
}

type ItemAddress = Omit<PartAddress, "content_index">;

/** The first events of a stream, and its last. */
export interface LifecycleEvent {
  readonly type:
    | "response.created"
    | "response.queued"
    | "response.in_progress"
    | "response.completed"
    | "response.incomplete"
    | "response.failed";
  readonly response: ResponseObject;
}

/** Without its `sequence_number`: they count from 0 in every stream. */
export type ResponseEvent =
  | LifecycleEvent
  | {
      readonly type: "response.output_item.added" | "response.output_item.done";
      readonly output_index: number;
      readonly item: OutputItem;
    }
  | (PartAddress & {
      readonly type: "response.content_part.added" | "response.content_part.done";
      readonly part: OutputTextPart | ReasoningTextPart;
    })
  | (PartAddress & {
      readonly type: "response.output_text.delta";
      readonly delta: string;
      readonly logprobs: readonly OutputLogprob[];
    })
  | (PartAddress & {
      readonly type: "response.output_text.done";
      readonly text: string;
      readonly logprobs: readonly OutputLogprob[];
    })
  | (PartAddress & { readonly type: "response.reasoning_text.delta"; readonly delta: string })
  | (PartAddress & { readonly type: "response.reasoning_text.done"; readonly text: string })
  | (ItemAddress & { readonly type: "response.function_call_arguments.delta"; readonly delta: string })
  | (ItemAddress & {
      readonly type: "response.function_call_arguments.done";
      readonly name: string;
      readonly arguments: string;
    });

/** As it is sent. */
export type NumberedEvent = ResponseEvent & { readonly sequence_number: number };
