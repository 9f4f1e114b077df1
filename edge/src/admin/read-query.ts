/** A query string; see nestFields. */
export function readQuery(url: string): Readonly<Record<string, unknown>> {
  return nestFields(new URL(url).searchParams);
}

/**
 * Names and values in the manner of OpenAI's clients: `ids[]=a&ids[]=b` is a list, `at[gte]=1` a field of an object. A name that
 * is neither has its last value. Nothing reaches a prototype.
 */
export function nestFields(fields: Iterable<readonly [string, string]>): Readonly<Record<string, unknown>> {
  const query = new Map<string, string | string[] | Map<string, string>>();
  for (const [name, value] of fields) {
    const [, base = name, field] = /^([^[\]]+)\[([^[\]]*)\]$/.exec(name) ?? [];
    const known = query.get(base);
    if (field === undefined) query.set(base, value);
    else if (field === "") query.set(base, [...(Array.isArray(known) ? known : []), value]);
    else query.set(base, (known instanceof Map ? known : new Map<string, string>()).set(field, value));
  }
  return Object.fromEntries(
    [...query].map(([name, value]) => [name, value instanceof Map ? Object.fromEntries(value) : value]),
  );
}
