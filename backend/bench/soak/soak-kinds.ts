import type { SoakPlan } from "./soak-plan.ts";

/** What a request may be; one is often several of these. */
export const soakKinds = [
  "embedding",
  "schema",
  "tools",
  "several choices",
  "logprobs",
  "echo",
  "stop strings",
  "penalties",
  "greedy",
  "a priority",
] as const;

export type SoakKind = (typeof soakKinds)[number];

/** Kind -> whether this is one. */
export function kindsOf(asked: SoakPlan): Readonly<Record<SoakKind, boolean>> {
  const { kind } = asked;
  const plan = kind === "text" ? asked.plan : undefined;
  const request = kind === "text" ? asked.plan : asked.request;
  return {
    embedding: kind === "embedding",
    schema: plan?.grammar !== undefined && plan.toolFormat === undefined,
    tools: plan?.toolFormat !== undefined,
    "several choices": (plan?.n ?? 1) > 1,
    logprobs: plan?.logprobs !== undefined,
    echo: plan?.echo !== undefined,
    "stop strings": (plan?.stopStrings.length ?? 0) > 0,
    penalties: (plan?.repetitionPenalty ?? 1) !== 1,
    greedy: plan?.temperature === 0,
    "a priority": request.priority !== 0,
  };
}
