import type { EmbedRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { GenerationPlan } from "#ingress/generation/generation.ts";

/** A request of the soak; its id is given to it when it is asked. */
export type SoakPlan =
  | { readonly kind: "text"; readonly plan: GenerationPlan }
  | { readonly kind: "embedding"; readonly request: EmbedRequest };

/** Choices that the request asks for; an embedding is one. */
export function numChoicesOf(asked: SoakPlan): number {
  return asked.kind === "text" ? asked.plan.n : 1;
}

export function withId(asked: SoakPlan, requestId: string): SoakPlan {
  return asked.kind === "text"
    ? { kind: "text", plan: { ...asked.plan, requestId } }
    : { kind: "embedding", request: { ...asked.request, requestId } };
}
