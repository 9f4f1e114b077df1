import { randomInt } from "node:crypto";
import { startEngineThread } from "#engine/engine-thread.ts";
import { systemClock } from "#platform/clock.ts";
import { createLogger } from "#platform/logger.ts";
import { startMetricsServer } from "#platform/metrics-server.ts";
import { onShutdown } from "#platform/shutdown.ts";
import { loadConfig } from "./config.ts";
import { createEngineMetrics } from "./engine-metrics.ts";
import { EngineServer } from "./engine-server.ts";
import { CompiledGrammars } from "./compiled-grammars.ts";
import { observeGrammars } from "./grammar-metrics.ts";
import { GrammarCompilerThread } from "./grammar-compiler-thread.ts";

/** What closing may take beyond the drain itself. */
const CLOSE_MS = 5_000;

const config = readConfig();
const logger = createLogger("engine", config.logLevel).child({ engine: config.engineId });
const thread = startEngineThread(new URL(import.meta.resolve("#engine/engine-worker.ts")), config);
const facts = {
  modelId: config.modelId,
  engineId: config.engineId,
  maxNumBatchedTokens: config.limits.maxNumBatchedTokens,
  maxNumSeqs: config.limits.maxNumSeqs,
  prefixCaching: config.prefixCaching,
};
const { registry, observer } = createEngineMetrics(thread.client, facts);
const grammars: CompiledGrammars = new CompiledGrammars({
  maxTextBytes: config.grammarLimits.maxTextBytes,
  arena: config.grammars.arena,
  compiler: new GrammarCompilerThread(config.grammars, config.grammarLimits.timeoutMs),
  client: thread.client,
  clock: systemClock,
  observer: observeGrammars(registry, { model_name: facts.modelId, engine: facts.engineId }, () => grammars),
});
const server = new EngineServer({
  client: thread.client,
  facts,
  host: config.host,
  port: config.port,
  clock: systemClock,
  logger,
  grammars,
  drawSeed: () => randomInt(2 ** 48 - 1),
  observer,
  maxUnreadTokens: config.maxUnreadTokens,
});

// Listening comes before loading, so that a starting engine can be told from a missing one.
const { port, metrics } = await listen();
logger.info({ host: config.host, port, model: config.modelId }, "listening");
let hasLoaded = false;
const stopWaiting = thread.client.onChange(() => {
  hasLoaded = thread.client.model !== undefined;
  if (hasLoaded) logger.info(thread.client.model?.spec, "model loaded");
  stopWaiting();
});

onShutdown(
  async () => {
    await server.drain(config.drainGraceMs);
    await metrics?.close();
    await grammars.close();
    await thread.close();
  },
  config.drainGraceMs + CLOSE_MS,
  logger,
);

// Whoever supervises the process starts it again; a half-dead engine would only hold its callers.
const error = await thread.died;
// Why a model cannot be loaded is told in a line that says what to do; where that was found out helps nobody but us.
if (hasLoaded) logger.fatal({ err: error }, "the engine's thread ended");
else logger.fatal({ detail: error.message }, "the model cannot be loaded");
logger.debug({ err: error }, "why the engine's thread ended");
await server.drain(0);
process.exit(1);

async function listen() {
  const { host, metricsHost, metricsPort } = config;
  try {
    const bound = await server.listen();
    const ofMetrics = metricsPort === 0 ? undefined : await startMetricsServer(registry, metricsHost, metricsPort);
    return { port: bound, metrics: ofMetrics };
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    logger.fatal({ host, port: config.port, metricsHost, metricsPort, detail }, "cannot listen");
    process.exit(1);
  }
}

function readConfig() {
  try {
    return loadConfig();
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    process.exit(1);
  }
}
