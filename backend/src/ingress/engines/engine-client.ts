// One engine's gRPC surface, with deadlines, cancellation and back-pressure. Errors leave here as AppErrors.
import {
  type CallOptions,
  type ChannelOptions,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
} from "@grpc/grpc-js";
import { AppError } from "@sluice/shared/errors.ts";
import {
  EngineDefinition,
  type EmbedRequest,
  type EmbedResponse,
  type GenerateRequest,
  type GenerateResponse,
  type GetModelResponse,
  type WatchResponse,
} from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { toServiceDefinition } from "#platform/grpc-service.ts";
import { fromEngineError } from "./engine-error.ts";

const service = toServiceDefinition(EngineDefinition);

/**
 * Engines are few and close: a lost one is looked for again within two seconds (grpc-js would wait up to two minutes),
 * and one that froze with its socket open is given up after fifteen.
 */
const channelOptions: ChannelOptions = {
  "grpc.initial_reconnect_backoff_ms": 200,
  "grpc.max_reconnect_backoff_ms": 2000,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  // A proxy named in the environment is for the outside world.
  "grpc.enable_http_proxy": 0,
};

const modelTimeoutMs = 5_000;
const abortTimeoutMs = 5_000;

export interface CallLimits {
  /** Aborting it cancels the call: the engine frees the sequence's blocks at its next step. */
  readonly signal: AbortSignal;
  /** Milliseconds since the Unix epoch; the engine learns it too. */
  readonly deadlineMs: number;
}

export class EngineClient {
  readonly #client: Client;

  /** `address` is `host:port`; grpc-js resolves the name. Nothing is sent before the first call. */
  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), channelOptions);
  }

  getModel(): Promise<GetModelResponse> {
    const { path, requestSerialize, responseDeserialize } = service.getModel;
    const options = { deadline: Date.now() + modelTimeoutMs };
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        {},
        new Metadata(),
        options,
        (error, model) => {
          if (error === null && model !== undefined) resolve(model);
          else reject(fromEngineError(error));
        },
      );
    });
  }

  /**
   * Runs one request. Each item holds the messages that were ready together. While the consumer does not ask for the next
   * item, at most a few messages are read ahead, and flow control stops the engine's stream. Leaving the loop, and
   * aborting the signal, cancel the call.
   */
  async *generate(request: GenerateRequest, limits: CallLimits): AsyncGenerator<readonly GenerateResponse[]> {
    limits.signal.throwIfAborted();
    const { path, requestSerialize, responseDeserialize } = service.generate;
    const options: CallOptions = { deadline: limits.deadlineMs };
    const call = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, options);
    yield* readAll(call, limits.signal);
  }

  /**
   * Asks the engine to end choices of a live request. What comes of them until it has heard is to be ignored; that it may
   * never hear is of no consequence but work for nothing, since the request's own end ends them too.
   */
  abortChoices(requestId: string, indexes: readonly number[]): void {
    const { path, requestSerialize, responseDeserialize } = service.abortChoices;
    const request = { requestId, indexes: [...indexes] };
    const options = { deadline: Date.now() + abortTimeoutMs };
    this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      options,
      () => {},
    );
  }

  /** One sequence's vector. Rejects with an AppError, or the signal's reason when that was aborted. */
  embed(request: EmbedRequest, { signal, deadlineMs }: CallLimits): Promise<EmbedResponse> {
    const { path, requestSerialize, responseDeserialize } = service.embed;
    const options: CallOptions = { deadline: deadlineMs };
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const answer = (error: unknown, response?: EmbedResponse): void => {
        signal.removeEventListener("abort", cancel);
        if (response !== undefined) resolve(response);
        else reject(signal.aborted ? signal.reason : fromEngineError(error));
      };
      const call = this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, answer);
      const cancel = (): void => call.cancel();
      signal.addEventListener("abort", cancel, { once: true });
    });
  }

  /**
   * The engine's load as it changes, and what its cache holds if that is wanted; waits for the engine to be reachable. Ends only
   * by an error or by leaving the loop; a silence of `maxSilenceMs` is an error, also where the connection lives on.
   */
  async *watch(cacheEvents: boolean, maxSilenceMs: number, signal: AbortSignal): AsyncGenerator<WatchResponse> {
    signal.throwIfAborted();
    const { path, requestSerialize, responseDeserialize } = service.watch;
    const metadata = new Metadata({ waitForReady: true });
    const request = { minIntervalMs: 0, cacheEvents };
    const call = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata);
    const silence = new AbortController();
    const giveUp = (): void => {
      silence.abort(new AppError("unavailable", { detail: `the engine was silent for ${maxSilenceMs} ms` }));
    };
    const timer = setTimeout(giveUp, maxSilenceMs);
    try {
      for await (const messages of readAll(call, AbortSignal.any([signal, silence.signal]))) {
        timer.refresh();
        yield* messages;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#client.close();
  }
}

async function* readAll<T>(call: ClientReadableStream<T>, signal: AbortSignal): AsyncGenerator<readonly Awaited<T>[]> {
  const cancel = (): void => call.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  // A cancelled call reports its status after nobody listens any more.
  call.on("error", () => {});
  try {
    for await (const first of call as AsyncIterable<T>) {
      const ready = [first];
      for (let next = read(call); next !== null; next = read(call)) ready.push(next);
      yield ready;
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : fromEngineError(error);
  } finally {
    signal.removeEventListener("abort", cancel);
    call.cancel();
  }
}

/** What is already buffered; null when nothing is. */
function read<T>(call: ClientReadableStream<T>): Awaited<T> | null {
  return call.read() as Awaited<T> | null;
}
