import type { SamplingDefaults } from "#ingress/text/served-model.ts";
import type { GenerationPlan } from "./generation.ts";

/** The fields of a request, chat or not, that say how to sample. */
export interface SamplingFields {
  readonly temperature?: number | null | undefined;
  readonly top_p?: number | null | undefined;
  readonly top_k?: number | null | undefined;
  readonly seed?: number | null | undefined;
  readonly stop?: string | readonly string[] | null | undefined;
}

type SamplingPlan = Pick<GenerationPlan, "temperature" | "topP" | "topK" | "seed" | "stopStrings">;

/** A nucleus of no mass keeps the most likely token, which every positive mass does too. */
const leastMass = 1e-6;

/** What the request says, and the model's defaults for what it does not. */
export function planSampling(fields: SamplingFields, defaults: SamplingDefaults): SamplingPlan {
  return {
    temperature: fields.temperature ?? defaults.temperature,
    topP: Math.max(fields.top_p ?? defaults.topP, leastMass),
    topK: fields.top_k ?? defaults.topK,
    seed: fields.seed ?? undefined,
    stopStrings: [fields.stop ?? []].flat(),
  };
}
