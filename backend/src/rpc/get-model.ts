import type { handleUnaryCall } from "@grpc/grpc-js";
import { AppError } from "@sluice/shared/errors.ts";
import type { GetModelRequest, GetModelResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { EngineClient } from "#engine/engine-client.ts";
import { toStatus } from "./status.ts";

/** What an engine's settings say of it; the rest its model does. */
export type EngineFacts = Pick<
  GetModelResponse,
  "modelId" | "engineId" | "maxNumBatchedTokens" | "maxNumSeqs" | "prefixCaching"
>;

/** GetModel: UNAVAILABLE until the model is loaded. */
export function getModel(client: EngineClient, facts: EngineFacts): handleUnaryCall<GetModelRequest, GetModelResponse> {
  return (_call, callback) => {
    if (client.model === undefined) {
      callback(toStatus(new AppError("unavailable", { detail: "no model is loaded" })));
      return;
    }
    const { maxModelLen, vocabSize, blockSize, numBlocks, embedding } = client.model.spec;
    const embeddingSize = embedding?.size ?? 0;
    callback(null, { ...facts, maxModelLen, vocabSize, blockSize, numBlocks, embeddingSize });
  };
}
