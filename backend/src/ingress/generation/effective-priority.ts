import { type RequestedTier, servedTier } from "@sluice/shared/openai/service-tier.ts";

/** The fields of a request that say how urgent it is. */
interface UrgencyFields {
  readonly priority?: number | null | undefined;
  readonly service_tier?: RequestedTier | null | undefined;
}

/** Behind everybody of the default tier. */
const flexPriority = 1;

/**
 * The priority a request runs at, lower first: what it asks for, but never ahead of what its passport grants. A number says
 * more than a tier. `default` and `scale` are the default tier, 0; `flex` is behind it; `priority`, `fast`, `auto` and nothing take what
 * is granted.
 */
export function effectivePriority({ priority, service_tier: tier }: UrgencyFields, granted: number): number {
  return Math.max(granted, priority ?? tierPriority(tier) ?? granted);
}

function tierPriority(asked: UrgencyFields["service_tier"]): number | undefined {
  if (!asked || asked === "auto") return undefined;
  const tier = servedTier(asked);
  if (tier === "priority") return undefined;
  return tier === "flex" ? flexPriority : 0;
}
