// Every parameter that OpenAI's SDK can send is known here: served, accepted or refused by name, never an unknown one.
// The compiler sees to it; running these tests proves nothing.
import type { batchListQuerySchema, batchRequestSchema } from "@sluice/shared/openai/batch-request.ts";
import type { ChatCompletionRequest } from "@sluice/shared/openai/chat-completion-request.ts";
import type { ChatMessage } from "@sluice/shared/openai/chat-message.ts";
import type { CompletionRequest } from "@sluice/shared/openai/completion-request.ts";
import type { EmbeddingRequest } from "@sluice/shared/openai/embedding-request.ts";
import type { fileFieldsSchema, fileListQuerySchema } from "@sluice/shared/openai/file-requests.ts";
import type { inputItemsQuerySchema, retrieveResponseQuerySchema } from "@sluice/shared/openai/response-queries.ts";
import type { ResponseRequest } from "@sluice/shared/openai/response-request.ts";
import type OpenAI from "openai";
import { expectTypeOf, test } from "vitest";
import type * as z from "zod/mini";

type Unknown<Theirs, Ours> = Exclude<keyof Theirs, keyof Ours>;

/** The member of an object that may be absent. */
type Member<Whole, Name extends keyof Whole> = NonNullable<Whole[Name]>;

type Role = OpenAI.ChatCompletionMessageParam["role"];
type UnknownOfMessage<R extends Role> = Unknown<
  Extract<OpenAI.ChatCompletionMessageParam, { role: R }>,
  Extract<ChatMessage, { role: R }>
>;

test("of chat completions", () => {
  type Theirs = OpenAI.ChatCompletionCreateParams;
  type Ours = ChatCompletionRequest;
  expectTypeOf<Unknown<Theirs, Ours>>().toBeNever();
  expectTypeOf<Unknown<Member<Theirs, "stream_options">, Member<Ours, "stream_options">>>().toBeNever();
  expectTypeOf<Exclude<Member<Theirs, "reasoning_effort">, Member<Ours, "reasoning_effort">>>().toBeNever();
  expectTypeOf<Exclude<Member<Theirs, "service_tier">, Member<Ours, "service_tier">>>().toBeNever();
  expectTypeOf<Exclude<Role, ChatMessage["role"]>>().toBeNever();
  expectTypeOf<{ [R in Role]: UnknownOfMessage<R> }[Role]>().toBeNever();
});

test("of completions", () => {
  expectTypeOf<Unknown<OpenAI.CompletionCreateParams, CompletionRequest>>().toBeNever();
});

test("of embeddings", () => {
  expectTypeOf<Unknown<OpenAI.EmbeddingCreateParams, EmbeddingRequest>>().toBeNever();
});

test("of responses", () => {
  type Theirs = OpenAI.Responses.ResponseCreateParams;
  type Ours = ResponseRequest;
  expectTypeOf<Unknown<Theirs, Ours>>().toBeNever();
  expectTypeOf<Unknown<Member<Theirs, "stream_options">, Member<Ours, "stream_options">>>().toBeNever();
  expectTypeOf<Unknown<Member<Theirs, "reasoning">, Member<Ours, "reasoning">>>().toBeNever();
  expectTypeOf<Unknown<Member<Theirs, "text">, Member<Ours, "text">>>().toBeNever();
  expectTypeOf<Exclude<Member<Theirs, "include">[number], Member<Ours, "include">[number]>>().toBeNever();
  // Of one of OpenAI's models only; refused as a value that is none of those.
  expectTypeOf<Exclude<Member<Theirs, "service_tier">, Member<Ours, "service_tier">>>().toEqualTypeOf<"ultrafast">();
  type Retrieval = z.input<typeof retrieveResponseQuerySchema>;
  expectTypeOf<Unknown<OpenAI.Responses.ResponseRetrieveParams, Retrieval>>().toBeNever();
  expectTypeOf<Unknown<OpenAI.Responses.InputItemListParams, z.input<typeof inputItemsQuerySchema>>>().toBeNever();
});

test("of files", () => {
  type Upload = z.input<typeof fileFieldsSchema> & { readonly file: unknown };
  expectTypeOf<Unknown<OpenAI.FileCreateParams, Upload>>().toBeNever();
  expectTypeOf<Unknown<OpenAI.FileListParams, z.input<typeof fileListQuerySchema>>>().toBeNever();
});

test("of batches", () => {
  type Theirs = OpenAI.BatchCreateParams;
  type Ours = z.output<typeof batchRequestSchema>;
  expectTypeOf<Unknown<Theirs, Ours>>().toBeNever();
  expectTypeOf<Unknown<Member<Theirs, "output_expires_after">, Member<Ours, "output_expires_after">>>().toBeNever();
  expectTypeOf<Unknown<OpenAI.BatchListParams, z.output<typeof batchListQuerySchema>>>().toBeNever();
});

test("and one that is not known would be seen", () => {
  type Theirs = OpenAI.ChatCompletionCreateParams;
  expectTypeOf<Unknown<Theirs, Omit<ChatCompletionRequest, "seed">>>().toEqualTypeOf<"seed">();
});
