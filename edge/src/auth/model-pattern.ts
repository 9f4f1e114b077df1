/**
 * Whether a model's name fits a pattern, in which `*` stands for any text, also none. Takes time in the length of both
 * together times the number of stars, whatever they are.
 */
export function fitsPattern(name: string, pattern: string): boolean {
  const [start = "", ...parts] = pattern.split("*");
  const end = parts.pop();
  if (end === undefined) return name === pattern;
  if (name.length < start.length + end.length || !name.startsWith(start) || !name.endsWith(end)) return false;
  // Each part as early as possible leaves most room for the next.
  let from = start.length;
  const until = name.length - end.length;
  for (const part of parts) {
    const found = name.indexOf(part, from);
    if (found === -1 || found + part.length > until) return false;
    from = found + part.length;
  }
  return true;
}
