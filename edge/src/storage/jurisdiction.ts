/** The namespace's objects that are kept in a jurisdiction, by the name that regions and keys have for it. Absent: in none in particular. */
export function inJurisdiction<T extends Rpc.DurableObjectBranded | undefined>(
  namespace: DurableObjectNamespace<T>,
  name: string | undefined,
): DurableObjectNamespace<T> {
  // The configuration names what the platform has: `eu`, `fedramp` at the time of writing. It throws for what it has not.
  return name === undefined ? namespace : namespace.jurisdiction(name as DurableObjectJurisdiction);
}
