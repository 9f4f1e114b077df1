/** The name of the ledger that holds the limits of a project or an organization. */
export function ledgerName(level: "project" | "organization", id: string): string {
  return `${level}:${id}`;
}
