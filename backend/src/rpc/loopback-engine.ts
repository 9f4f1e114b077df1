// A whole engine behind real sockets on loopback, for tests: the server, the client and the loop as in production, over
// the fake executor, with a message channel in the place of the thread.
import { MessageChannel } from "node:worker_threads";
import { type CallOptions, Client, type ClientReadableStream, credentials, type ServiceError } from "@grpc/grpc-js";
import {
  EngineDefinition,
  type GenerateRequest,
  type GenerateResponse,
  type WatchResponse,
} from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { EngineClient } from "#engine/engine-client.ts";
import { EngineLoop } from "#engine/engine-loop.ts";
import { typedPort } from "#engine/engine-port.ts";
import { Engine } from "#engine/engine.ts";
import type { Executor } from "#engine/executor/executor.ts";
import type { Grammars } from "#engine/grammar/grammars.ts";
import type { SchedulerLimits } from "#engine/scheduler/scheduler-limits.ts";
import { systemClock } from "#platform/clock.ts";
import { toServiceDefinition } from "#platform/grpc-service.ts";
import { createLogger } from "#platform/logger.ts";
import { CompiledGrammars, type CompiledGrammarsOptions } from "./compiled-grammars.ts";
import { createEngineMetrics, type EngineMetrics } from "./engine-metrics.ts";
import { EngineServer } from "./engine-server.ts";

export const service = toServiceDefinition(EngineDefinition);

export interface Ended {
  readonly messages: readonly GenerateResponse[];
  readonly tokenIds: readonly number[];
  /** Absent when the call ended well. */
  readonly error: ServiceError | undefined;
}

/** The engine's grammars, and what compiles for them. */
interface LoopbackGrammars extends Omit<CompiledGrammarsOptions, "client" | "clock"> {
  readonly grammars: Grammars;
}

export class LoopbackEngine {
  readonly engine: Engine;
  readonly engineClient: EngineClient;
  readonly metrics: EngineMetrics;
  readonly server: EngineServer;
  readonly #channel = new MessageChannel();
  #clients: Client[] = [];
  #port = 0;

  /** What the engine's grammars are; absent without `grammars`. */
  readonly compiledGrammars: CompiledGrammars | undefined;

  constructor(executor: Executor, limits: SchedulerLimits, grammars?: LoopbackGrammars, maxUnreadTokens = 1_000_000) {
    this.engine = new Engine(executor, limits, true, grammars?.grammars);
    this.engineClient = new EngineClient(typedPort(this.#channel.port1), limits.maxNumSeqs + limits.maxQueuedRequests);
    const facts = { modelId: "fake", engineId: "0", prefixCaching: true, ...limits };
    this.metrics = createEngineMetrics(this.engineClient, facts);
    const client = this.engineClient;
    this.compiledGrammars = grammars && new CompiledGrammars({ ...grammars, client, clock: systemClock });
    this.server = new EngineServer({
      client: this.engineClient,
      facts,
      host: "127.0.0.1",
      port: 0,
      clock: systemClock,
      logger: createLogger("test", "silent"),
      drawSeed: () => 1,
      observer: this.metrics.observer,
      grammars: this.compiledGrammars,
      maxUnreadTokens,
    });
  }

  /** Listens, without a model yet. */
  async listen(): Promise<Client> {
    this.#port = await this.server.listen();
    return this.connect();
  }

  get port(): number {
    return this.#port;
  }

  /** A connection of its own. */
  connect(port = this.#port): Client {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
    this.#clients.push(client);
    return client;
  }

  /** Loads the model: the loop starts. */
  async load(): Promise<void> {
    void new EngineLoop(this.engine, typedPort(this.#channel.port2), systemClock).run();
    await this.untilLoad(() => true);
  }

  /** Settles when a report of the engine fulfils the condition. */
  untilLoad(holds: (load: ReturnType<Engine["load"]>) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        const load = this.engineClient.model?.load;
        if (load === undefined || !holds(load)) return;
        stop();
        resolve();
      };
      const stop = this.engineClient.onChange(check);
      check();
    });
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    this.engineClient.close();
    await this.server.drain(0);
    await this.compiledGrammars?.close();
    this.#channel.port1.close();
  }
}

export function startGenerate(
  client: Client,
  request: GenerateRequest,
  options: CallOptions = {},
): ClientReadableStream<GenerateResponse> {
  const { path, requestSerialize, responseDeserialize } = service.generate;
  return client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, options);
}

export function startWatch(
  client: Client,
  minIntervalMs: number,
  cacheEvents = false,
): ClientReadableStream<WatchResponse> {
  const { path, requestSerialize, responseDeserialize } = service.watch;
  return client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { minIntervalMs, cacheEvents });
}

export function untilEnd(call: ClientReadableStream<GenerateResponse>): Promise<Ended> {
  const messages: GenerateResponse[] = [];
  const ended = (error?: ServiceError): Ended => ({
    messages,
    tokenIds: messages.flatMap(({ tokenIds }) => tokenIds),
    error,
  });
  return new Promise((resolve) => {
    call.on("data", (message: GenerateResponse) => messages.push(message));
    call.on("error", (error: ServiceError) => resolve(ended(error)));
    call.on("end", () => resolve(ended()));
  });
}

export function generateRequest(requestId: string, fields: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    requestId,
    promptTokenIds: [1, 2, 3],
    sampling: { temperature: 0, topP: 1, topK: 0 },
    stopping: { maxTokens: 5, stopTokenIds: [] },
    priority: 0,
    cacheSalt: "",
    tenant: "",
    ...fields,
  };
}
