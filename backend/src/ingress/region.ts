import type { Model, ModelList } from "@sluice/shared/openai/model.ts";
import { AppError } from "@sluice/shared/errors.ts";
import type { RegionStatus } from "@sluice/shared/region-status.ts";
import type { EnginePool } from "./engines/engine-pool.ts";
import type { ServedModel } from "./text/served-model.ts";

/** What this ingress stands for: one model, served by the engines of one region. */
export interface Region {
  readonly id: string;
  readonly model: ServedModel;
  readonly pool: EnginePool;
}

/** What the region says of itself. */
export function regionStatus(region: Region, isDraining: boolean): RegionStatus {
  const serving = region.pool.isServing ? "ok" : "down";
  return {
    region: region.id,
    status: isDraining ? "draining" : serving,
    models: [region.model.id],
    // What a model takes is known from an engine that serves it.
    modelCards: region.pool.isServing ? [describeModel(region)] : [],
    ...region.pool.load,
    engines: region.pool.engines.map((engine) => engine.status),
  };
}

export function listModels(region: Region): ModelList {
  return { object: "list", data: [describeModel(region)] };
}

/** Throws `model_not_found` for any model but the served one. */
export function getModel(region: Region, modelId: string | undefined): Model {
  assertServed(region, modelId);
  return describeModel(region);
}

/** Throws `model_not_found` for any model but the served one. */
export function assertServed(region: Region, modelId: string | undefined): void {
  if (modelId !== region.model.id) throw new AppError("model_not_found", { param: "model" });
}

function describeModel({ model, pool }: Region): Model {
  const { maxModelLen, embeddingSize } = pool;
  return {
    id: model.id,
    object: "model",
    created: model.createdS,
    owned_by: "sluice",
    ...(maxModelLen > 0 && { max_model_len: maxModelLen }),
    capabilities: {
      chat: model.chatTemplate !== undefined,
      completions: true,
      embeddings: embeddingSize > 0,
      tools: model.toolFormat !== undefined,
      structured_output: true,
      reasoning: model.reasoningFormat !== undefined,
    },
  };
}
