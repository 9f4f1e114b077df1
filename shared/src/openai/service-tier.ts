// How urgent a request is. Source: OpenAI API reference, `service_tier`.
import * as z from "zod/mini";

export const requestedTierSchema = z.enum(["auto", "default", "flex", "scale", "priority", "fast"]);

export type RequestedTier = z.infer<typeof requestedTierSchema>;

export type ServedTier = "default" | "flex" | "priority";

/** The tier that it runs in. `auto` leaves the choice to us, `scale` is bought apart and not here, `fast` is another name. */
export function servedTier(asked: RequestedTier): ServedTier {
  switch (asked) {
    case "flex":
      return "flex";
    case "priority":
    case "fast":
      return "priority";
    case "auto":
    case "default":
    case "scale":
      return "default";
  }
}
