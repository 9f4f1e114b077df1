import { Server, ServerCredentials } from "@grpc/grpc-js";
import { EngineDefinition } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { HealthImplementation } from "grpc-health-check";
import type { EngineClient } from "#engine/engine-client.ts";
import type { Clock } from "#platform/clock.ts";
import { type GrpcHandlers, toServiceDefinition } from "#platform/grpc-service.ts";
import type { Logger } from "#platform/logger.ts";
import { abortChoices } from "./abort-choices.ts";
import { embed } from "./embed.ts";
import { generate } from "./generate.ts";
import type { CompiledGrammars } from "./compiled-grammars.ts";
import { type EngineFacts, getModel } from "./get-model.ts";
import { LiveCalls } from "./live-calls.ts";
import type { RequestObserver } from "./request-timer.ts";
import { RetryHints } from "./retry-hints.ts";
import { StepCosts } from "./step-costs.ts";
import { UnreadOutput } from "./unread-output.ts";
import { watch } from "./watch.ts";

/** gRPC's own default, said aloud: about a million prompt tokens. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** A peer that is gone without a word is noticed, and its sequences aborted, within their sum. */
const KEEPALIVE_TIME_MS = 20_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** How long calls that have ended may take to put their last bytes on the wire. */
const FLUSH_MS = 500;

export interface EngineServerOptions {
  readonly client: EngineClient;
  readonly facts: EngineFacts;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: requests with a grammar are refused. */
  readonly grammars?: CompiledGrammars | undefined;
  /** A safe integer. */
  readonly drawSeed: () => number;
  /** Tokens that callers have not read yet, of all calls together: see UnreadOutput. */
  readonly maxUnreadTokens: number;
  /** Hears where the time of every request went. */
  readonly observer: RequestObserver;
}

/**
 * The engine's gRPC face. It listens at once; health is NOT_SERVING, and every call UNAVAILABLE, until the engine has
 * loaded its model, and again from the moment it drains or fails.
 */
export class EngineServer {
  readonly #server = new Server({
    "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
    "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
  });
  readonly #health = new HealthImplementation();
  readonly #calls = new LiveCalls();
  readonly #closing = new AbortController();
  readonly #options: EngineServerOptions;
  #serving: boolean | undefined;

  constructor(options: EngineServerOptions) {
    this.#options = options;
    const { client, facts, clock, logger, drawSeed, observer, grammars } = options;
    const retryHints = new RetryHints(client, clock);
    const stepCosts = new StepCosts(client);
    const unread = new UnreadOutput(options.maxUnreadTokens);
    const generateParts = {
      client,
      calls: this.#calls,
      clock,
      logger,
      drawSeed,
      retryHints,
      observer,
      unread,
      grammars,
    };
    const handlers: GrpcHandlers<EngineDefinition> = {
      getModel: getModel(client, facts),
      generate: generate(generateParts),
      abortChoices: abortChoices(this.#calls),
      embed: embed({ client, calls: this.#calls, clock, logger, retryHints, observer }),
      watch: watch({ client, calls: this.#calls, closing: this.#closing.signal, stepCosts, retryHints }),
    };
    this.#server.addService(toServiceDefinition(EngineDefinition), handlers);
    this.#health.addToServer(this.#server);
    client.onChange(() => this.#updateHealth());
    this.#updateHealth();
  }

  /** Settles with the port that was bound. */
  listen(): Promise<number> {
    const { host, port } = this.#options;
    const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
  }

  /** Refuses new calls, lets the open ones finish for at most `graceMs`, ends those left with UNAVAILABLE, and closes. */
  async drain(graceMs: number): Promise<void> {
    const drained = this.#calls.drain(graceMs);
    this.#updateHealth();
    await drained;
    this.#closing.abort();
    await this.#shutdown();
  }

  /** Sets it only when it changed: every change is sent to every health watch. */
  #updateHealth(): void {
    const serving = this.#options.client.model !== undefined && !this.#calls.draining.aborted;
    if (serving === this.#serving) return;
    this.#serving = serving;
    for (const service of ["", EngineDefinition.fullName]) {
      this.#health.setStatus(service, serving ? "SERVING" : "NOT_SERVING");
    }
  }

  /** Gently, then by force: a health watch has no end of its own. */
  async #shutdown(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    const timer = setTimeout(() => this.#server.forceShutdown(), FLUSH_MS);
    await closed;
    clearTimeout(timer);
  }
}
