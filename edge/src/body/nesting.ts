/**
 * Whether arrays and objects nest deeper than `maxDepth`. V8 parses any depth, but code that walks the value after us,
 * here or in a region, may recurse. A loop with its own stack, so that the check is not the first victim.
 */
export function nestsDeeperThan(maxDepth: number, root: unknown): boolean {
  const pending = [{ value: root, depth: 1 }];
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const { value, depth } = entry;
    if (typeof value !== "object" || value === null) continue;
    if (depth > maxDepth) return true;
    for (const child of Object.values(value)) {
      if (typeof child === "object" && child !== null) pending.push({ value: child, depth: depth + 1 });
    }
  }
  return false;
}
