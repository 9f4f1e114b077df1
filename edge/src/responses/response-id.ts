// A response's id says where its state lies, so that any key of its project finds it: `resp_` and the random part of the request
// that made it, behind the name of a jurisdiction where the state may not leave one.
import type { RoutingTerms } from "#edge/auth/routing-terms.ts";
import { base32Class } from "#edge/base32.ts";

const pattern = new RegExp(`^resp_(?:([a-z]{2,16})_)?${base32Class}{32}$`);

/** Where a response's state may lie. */
export type StatePlace =
  | { readonly kind: "anywhere" }
  | { readonly kind: "jurisdiction"; readonly name: string }
  /** The credential is bound to jurisdictions in none of which state can be kept. */
  | { readonly kind: "nowhere" };

/** @param available the jurisdictions in which the platform keeps Durable Objects. */
export function statePlace(
  { jurisdictions }: Pick<RoutingTerms, "jurisdictions">,
  available: readonly string[],
): StatePlace {
  if (jurisdictions === undefined) return { kind: "anywhere" };
  const name = jurisdictions.find((one) => available.includes(one));
  return name === undefined ? { kind: "nowhere" } : { kind: "jurisdiction", name };
}

/** The id of the response that a request makes. */
export function responseIdOf(requestId: string, place: StatePlace): string {
  const random = requestId.replace(/^req_/, "");
  return place.kind === "jurisdiction" ? `resp_${place.name}_${random}` : `resp_${random}`;
}

/** The place that an id names. Undefined when the text is no id of ours. */
export function placeOfResponse(id: string, available: readonly string[]): StatePlace | undefined {
  const found = pattern.exec(id);
  if (found === null) return undefined;
  const [, name] = found;
  if (name === undefined) return { kind: "anywhere" };
  return available.includes(name) ? { kind: "jurisdiction", name } : undefined;
}
