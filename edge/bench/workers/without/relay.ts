// The region's stream itself, whose end nobody sees: what is settled is settled at its beginning.
import type { Relay } from "../../../src/proxy/relay-events.ts";

export { brokenStreamError, brokenStreamEvent } from "../../../src/proxy/relay-events.ts";

export function relayEvents(upstream: ReadableStream<Uint8Array>): Relay {
  return { readable: upstream, ending: Promise.resolve("complete") };
}
