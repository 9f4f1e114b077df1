/** How a leased key's home is known among ledgers: for the key's limits of all models together, or of one. */
export function leasedLedgerName(keyId: string, model?: string): string {
  return model === undefined ? keyId : `${keyId}/${model}`;
}

/** The name of the ledger that holds the limits of a project or an organization: of all models together, or of one. */
export function ledgerName(level: "project" | "organization", id: string, model?: string): string {
  return model === undefined ? `${level}:${id}` : `${level}:${id}/${model}`;
}
