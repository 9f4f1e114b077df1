import type { Bindings } from "#edge/bindings.ts";
import { buildParts, type Parts } from "#edge/parts.ts";

// The parts, not their promise, are kept: a promise belongs to the request that made it, and dies when that one is cancelled.
let parts: Parts | undefined;

/** The parts that all requests of this isolate share. Throws as `buildParts` does. */
export async function isolateParts(bindings: Bindings): Promise<Parts> {
  return (parts ??= await buildParts(bindings));
}
