/** Marks the issue of a check whose message is a whole sentence that names what is wrong; read by `parse-request.ts`. */
export const verbatim = { verbatim: true } as const;

export function isVerbatim(params: unknown): boolean {
  return typeof params === "object" && params !== null && "verbatim" in params;
}
