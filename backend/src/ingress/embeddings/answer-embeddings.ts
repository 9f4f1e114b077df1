import { AppError } from "@sluice/shared/errors.ts";
import { embeddingRequestSchema } from "@sluice/shared/openai/embedding-request.ts";
import type { EmbeddingList } from "@sluice/shared/openai/embedding.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { Exchange } from "#ingress/exchange.ts";
import { assertReserved } from "#ingress/generation/reserved-output.ts";
import { assertServed, type Region } from "#ingress/region.ts";
import { sendAnswer } from "#ingress/reply/send-answer.ts";
import { embedAll } from "./embed-all.ts";
import { spellEmbedding } from "./spell-embedding.ts";
import { tokenizeInputs } from "./tokenize-inputs.ts";

/** `POST /v1/embeddings`. */
export async function answerEmbeddings(body: unknown, region: Region, exchange: Exchange): Promise<void> {
  const request = parseRequest(embeddingRequestSchema, body);
  assertServed(region, request.model);
  const { model, pool } = region;
  const { requestId, claims, limits, progress } = exchange;
  const dimensions = request.dimensions ?? undefined;
  assertDimensions(dimensions, pool.embeddingSize);
  const inputs = await tokenizeInputs(request.input, model.tokenizer, pool.maxModelLen, limits.signal);
  const promptTokens = inputs.reduce((sum, { length }) => sum + length, 0);
  progress.promptTokens = promptTokens;
  assertReserved(
    inputs.map((promptTokenIds) => ({ promptTokenIds, maxTokens: 0 })),
    1,
    exchange,
  );

  const { priority, org } = claims;
  const caller = { priority, cacheSalt: org, tenant: org };
  const embeddings = await embedAll(
    inputs.map((tokenIds, index) => ({
      requestId: `${requestId}/${index}`,
      tokenIds: [...tokenIds],
      dimensions,
      ...caller,
    })),
    pool,
    limits,
    ({ tokenIds }) => {
      progress.computedPromptTokens = (progress.computedPromptTokens ?? 0) + tokenIds.length;
    },
  );
  progress.finishReason = "stop";
  const encoding = request.encoding_format ?? "float";
  const list: EmbeddingList = {
    object: "list",
    data: embeddings.map((embedding, index) => ({
      object: "embedding",
      index,
      embedding: spellEmbedding(embedding, encoding),
    })),
    model: model.id,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  };
  await sendAnswer(list, model.id, exchange);
}

function assertDimensions(wanted: number | undefined, size: number): void {
  if (size === 0) {
    throw new AppError("invalid_value", { param: "model", publicText: "This model gives no embeddings." });
  }
  if (wanted === undefined || wanted <= size) return;
  const publicText = `Invalid 'dimensions': expected a value <= ${size}, the size of the model's embeddings.`;
  throw new AppError("invalid_value", { param: "dimensions", publicText });
}
