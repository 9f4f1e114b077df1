/** A form as the object that it stands for: `a[b]` is a member of `a`, digits are a number, a file is its name. */
export function fieldsOf(form: FormData): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of form) {
    const [, outer = name, inner] = /^(\w+)\[(\w+)\]$/.exec(name) ?? [];
    const member = typeof value === "string" ? plain(value) : value.name;
    fields[outer] = inner === undefined ? member : { ...(fields[outer] as object | undefined), [inner]: member };
  }
  return fields;
}

function plain(text: string): string | number {
  return /^\d+$/.test(text) ? Number(text) : text;
}
