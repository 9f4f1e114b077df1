/** The claim at a path through nested objects; absent when there is none. Inherited properties are no claims. */
function readClaim(claims: Readonly<Record<string, unknown>>, path: readonly string[]): unknown {
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

const maxValueLength = 512;

/** A claim that is one piece of text, or a number, which some issuers use for ids. Absent when it is neither, or too long. */
export function readTextClaim(claims: Readonly<Record<string, unknown>>, path: readonly string[]): string | undefined {
  const value = readClaim(claims, path);
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  return typeof value === "string" && value !== "" && value.length <= maxValueLength ? value : undefined;
}

/** A claim that is a list: an array of texts, or one text with spaces between (RFC 8693, `scope`). */
export function readListClaim(claims: Readonly<Record<string, unknown>>, path: readonly string[]): readonly string[] {
  const value = readClaim(claims, path);
  if (typeof value === "string") return value.split(" ").filter((part) => part !== "");
  return Array.isArray(value) ? value.filter((part) => typeof part === "string") : [];
}
