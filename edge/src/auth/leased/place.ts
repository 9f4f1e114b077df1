// Where a request came in, as coarsely as a leased key's gates are spread: one gate a continent.
import * as z from "zod/mini";

/** Cloudflare's code of a continent -> where its callers' gate is best created. Antarctica's cables land in New Zealand. */
const hints = {
  AF: "afr",
  AN: "oc",
  AS: "apac",
  EU: "weur",
  NA: "enam",
  OC: "oc",
  SA: "sam",
} as const satisfies Record<string, DurableObjectLocationHint>;

/** Of callers whose continent Cloudflare does not know. */
const elsewhere = "elsewhere";

export const placeSchema = z.enum(["AF", "AN", "AS", "EU", "NA", "OC", "SA", elsewhere]);

export type Place = z.infer<typeof placeSchema>;

export function placeOf(request: Pick<Request, "cf">): Place {
  const continent = request.cf?.["continent"];
  return typeof continent === "string" && isContinent(continent) ? continent : elsewhere;
}

/** What to tell the platform when the place's gate is created. */
export function hintOf(place: Place): { readonly locationHint?: DurableObjectLocationHint } {
  return place === elsewhere ? {} : { locationHint: hints[place] };
}

function isContinent(text: string): text is keyof typeof hints {
  return Object.hasOwn(hints, text);
}
