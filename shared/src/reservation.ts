// How a region says that a request needs more tokens than its passport allows: with this status and header, before it has
// computed anything. The edge then asks the request's gate for more, and the region again.

/** Never reaches a caller: only the edge sends passports with a reservation. The status of `reservation_too_small`. */
export const reservationTooSmallStatus = 412;

/** Tokens of prompt and output together that the request needs. */
export const neededTokensHeader = "x-sluice-needed-tokens";

/** What the header says; absent when it is no number of tokens that anybody could use. */
export function readNeededTokens(header: string | null): number | undefined {
  return header !== null && /^[1-9]\d{0,9}$/.test(header) ? Number(header) : undefined;
}
