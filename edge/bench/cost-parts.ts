// The parts of the edge whose cost is told one by one: each is what a build without it costs less.
import { join } from "node:path";

export interface CostPart {
  readonly name: string;
  /** module -> file that takes its place. */
  readonly aliases: Readonly<Record<string, string>>;
}

function without(name: string, ...pairs: readonly (readonly [module: string, file: string])[]): CostPart {
  const aliases = pairs.map(([module, file]) => [module, join(import.meta.dirname, `workers/without/${file}.ts`)]);
  return { name, aliases: Object.fromEntries(aliases) as Record<string, string> };
}

export const costParts: readonly CostPart[] = [
  without("gate: admission's hop", ["#edge/auth/key-gates.ts", "admission-hop"]),
  without("gate: both hops", ["#edge/auth/key-gates.ts", "gate"]),
  without("receipt: fetch and check", ["#edge/proxy/fetch-receipts.ts", "receipt"]),
  without("receipt: check alone", ["@sluice/shared/receipt.ts", "receipt-check"]),
  without("usage queue", ["#edge/ledger/usage-outbox.ts", "queue"]),
  without("passport: both signatures", ["@sluice/shared/passport.ts", "passport"]),
  without("API key: tag and hash", ["#edge/middleware/authenticate.ts", "key-check"]),
  without("relay that sees the end", ["#edge/proxy/relay-events.ts", "relay"]),
  without("flood shield", ["#edge/middleware/shield-from-floods.ts", "pass"]),
  without("security headers", ["#edge/middleware/secure-reply.ts", "pass"]),
  without("bounds on headers", ["#edge/middleware/limit-headers.ts", "pass"]),
  without("log line", ["#edge/logger.ts", "log"]),
];
