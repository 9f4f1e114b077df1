// Each endpoint of the public API, in the order of the reference page.
import { chatCompletionRequestSchema } from "../../src/openai/chat-completion-request.ts";
import { completionRequestSchema } from "../../src/openai/completion-request.ts";
import { embeddingRequestSchema } from "../../src/openai/embedding-request.ts";
import { detokenizeRequestSchema, tokenizeRequestSchema } from "../../src/openai/tokenize-request.ts";
import { chatCompletion, chatCompletionChunk } from "../answers/chat-completion.ts";
import { completion } from "../answers/completion.ts";
import { embeddingList } from "../answers/embedding.ts";
import { model, modelList } from "../answers/model.ts";
import { detokenization, tokenization } from "../answers/tokenization.ts";
import { batchOperations } from "./batch-operations.ts";
import { fileOperations } from "./file-operations.ts";
import type { Named, Operation } from "./operation.ts";
import { responseOperations } from "./response-operations.ts";

const textCompletion: Named = { name: "Completion", schema: completion };

export const operations: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/chat/completions",
    tag: "Chat",
    summary: "Answer a conversation",
    request: { name: "ChatCompletionRequest", schema: chatCompletionRequestSchema },
    answer: { name: "ChatCompletion", schema: chatCompletion },
    event: { name: "ChatCompletionChunk", schema: chatCompletionChunk },
  },
  {
    method: "post",
    path: "/v1/completions",
    tag: "Completions",
    summary: "Continue a text",
    request: { name: "CompletionRequest", schema: completionRequestSchema },
    answer: textCompletion,
    event: textCompletion,
  },
  ...responseOperations,
  {
    method: "post",
    path: "/v1/embeddings",
    tag: "Embeddings",
    summary: "Turn texts into vectors",
    request: { name: "EmbeddingRequest", schema: embeddingRequestSchema },
    answer: { name: "EmbeddingList", schema: embeddingList },
  },
  ...fileOperations,
  ...batchOperations,
  {
    method: "post",
    path: "/v1/tokenize",
    tag: "Tokens",
    summary: "Tell the tokens of a text or a conversation",
    request: { name: "TokenizeRequest", schema: tokenizeRequestSchema },
    answer: { name: "Tokenization", schema: tokenization },
  },
  {
    method: "post",
    path: "/v1/detokenize",
    tag: "Tokens",
    summary: "Tell the text of tokens",
    request: { name: "DetokenizeRequest", schema: detokenizeRequestSchema },
    answer: { name: "Detokenization", schema: detokenization },
  },
  {
    method: "get",
    path: "/v1/models",
    tag: "Models",
    summary: "List the models",
    answer: { name: "ModelList", schema: modelList },
  },
  {
    method: "get",
    path: "/v1/models/{model}",
    tag: "Models",
    summary: "Describe a model",
    answer: { name: "Model", schema: model },
  },
];
