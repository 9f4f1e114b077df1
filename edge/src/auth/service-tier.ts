// OpenAI's service tiers, as priorities of the engines' schedulers. Source: OpenAI API reference, `service_tier`.
import * as z from "zod/mini";

export const serviceTierSchema = z.enum(["default", "flex", "priority"]);

export type ServiceTier = z.infer<typeof serviceTierSchema>;

/** Tiers of a key that says nothing of tiers. */
export const ordinaryTiers: readonly ServiceTier[] = ["default", "flex"];

/** tier -> scheduling priority: lower runs first. */
export const priorityOfTier: Readonly<Record<ServiceTier, number>> = { priority: -1, default: 0, flex: 1 };
