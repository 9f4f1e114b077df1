// One ingress of a region: `node backend/src/ingress/main.ts`, configured by its environment (config.ts).
import { lookup } from "node:dns/promises";
import { importPassportKey } from "@sluice/shared/passport.ts";
import { importReceiptKey } from "@sluice/shared/receipt.ts";
import { Registry } from "prom-client";
import { systemClock } from "#platform/clock.ts";
import { createLogger } from "#platform/logger.ts";
import { startMetricsServer } from "#platform/metrics-server.ts";
import { onShutdown } from "#platform/shutdown.ts";
import { type IngressConfig, readIngressConfig } from "./config.ts";
import { Engine } from "./engines/engine.ts";
import { EngineDirectory } from "./engines/engine-directory.ts";
import { EnginePool } from "./engines/engine-pool.ts";
import { InFlight } from "./in-flight.ts";
import { createIngressMetrics } from "./ingress-metrics.ts";
import { PassportControl } from "./passport/passport-control.ts";
import { ReceiptBook } from "./receipts/receipt-book.ts";
import { IngressServer } from "./server.ts";
import { loadServedModel } from "./text/served-model.ts";

/** Beyond the drain's own grace: for farewells and the exit itself. */
const exitMarginMs = 3_000;

async function main(config: IngressConfig): Promise<void> {
  const clock = systemClock;
  const random = Math.random;
  const logger = createLogger("ingress", config.logLevel).child({ region: config.region });
  const model = await loadServedModel(config.modelDir, config.modelId, config.outputFormats);
  const passports = new PassportControl(config.region, await importPassportKey(config.passportPublicJwk), clock);
  const engineParts = { modelId: config.modelId, maxKnownBlocks: config.maxKnownBlocks, clock, random, logger };
  const pool = new EnginePool((address) => new Engine(address, engineParts), random);
  const directory = new EngineDirectory(config.engineSources, pool, resolveHost, logger);
  const inFlight = new InFlight(config.inFlightLimits, clock);
  const registry = new Registry();
  const metrics = createIngressMetrics(registry, pool, inFlight);
  const region = { id: config.region, model, pool };
  const server = new IngressServer({
    region,
    passports,
    inFlight,
    bodyLimits: config.bodyLimits,
    clock,
    receipts: new ReceiptBook(config.receiptLimits, clock),
    receiptKey: await importReceiptKey(config.receiptSecret),
    metrics,
    logger,
  });

  await directory.refresh();
  void directory.follow(config.dnsIntervalMs);
  if (config.metricsPort > 0) await startMetricsServer(registry, config.metricsHost, config.metricsPort);
  const port = await server.listen(config.host, config.port);
  logger.info({ host: config.host, port, model: model.id }, "listening");

  const close = async (): Promise<void> => {
    await server.drain(config.drainGraceMs);
    directory.close();
    pool.close();
  };
  onShutdown(close, config.drainGraceMs + exitMarginMs, logger);
}

/** As the system resolves names, search domains and hosts file included. */
async function resolveHost(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

try {
  await main(readIngressConfig());
} catch (error) {
  process.stderr.write(`ingress: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
