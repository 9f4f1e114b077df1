import { AppError } from "@sluice/shared/errors.ts";
import * as z from "zod/mini";
import { errorResponse } from "#edge/middleware/render-errors.ts";
import { runJob } from "#edge/middleware/run-job.ts";
import type { Parts } from "#edge/parts.ts";
import { brokenStreamError } from "#edge/proxy/relay-events.ts";
import type { Usage } from "#edge/rate-limit/usage.ts";
import type { BackgroundJob } from "./background-job.ts";
import type { EventLog } from "./event-log.ts";
import type { ResponseTurn } from "./response-turn.ts";
import {
  failedResponse,
  type StoragePolicy,
  type StoredResponse,
  storedResponse,
  storedWithoutOutput,
} from "./stored-response.ts";
import { watchResponse } from "./watch-response.ts";

/** Of a refusal, for its caller. */
const keptHeaders: readonly string[] = ["content-type", "retry-after", "retry-after-ms", "x-should-retry"];

/** A job that no region took, as its caller is told. */
export interface RunRefusal {
  readonly kind: "refused";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface RunWitness {
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** A region has begun. */
  readonly began: () => void;
  /** It has ended; whoever follows it has not heard of that yet. */
  readonly ended: (stored: StoredResponse) => void;
  /** Whether anything may still be written. */
  readonly isWanted: () => boolean;
  /** There are new events. */
  readonly changed: () => void;
}

/** One response in the background while it runs. */
export class BackgroundRun {
  readonly #job: BackgroundJob;
  readonly #log: EventLog;
  readonly #parts: Parts;
  readonly #controller = new AbortController();
  readonly #decided = Promise.withResolvers<RunRefusal | undefined>();
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #settled: Promise<Usage> | undefined;

  constructor(job: BackgroundJob, log: EventLog, parts: Parts) {
    this.#job = job;
    this.#log = log;
    this.#parts = parts;
  }

  get turn(): ResponseTurn {
    return this.#job.turn;
  }

  get policy(): StoragePolicy {
    return this.#parts.config.responses;
  }

  /** Why no region took it; undefined once one did. */
  get refusal(): Promise<RunRefusal | undefined> {
    return this.#decided.promise;
  }

  /** Resolves when the request has been paid for, and that is in the log. */
  async settle(status: string): Promise<void> {
    const { requestId, turn } = this.#job;
    const usage = await this.#settled;
    const told = { requestId, responseId: turn.responseId, ...turn.owner, status, totalTokens: usage?.totalTokens };
    this.#parts.log.info("response in the background", told);
  }

  /** Nobody wants the answer any more. */
  abort(): void {
    // The reader first: a region whose reader left is not one that died.
    this.#reader?.cancel().catch(() => undefined);
    this.#controller.abort(new AppError("request_cancelled"));
  }

  /** What is to be stored of it in the end. Never rejects. */
  async run(witness: RunWitness): Promise<StoredResponse> {
    try {
      return await this.#answer(witness);
    } catch (thrown) {
      const error = AppError.from(thrown);
      const { requestId } = this.#job;
      const detail = { requestId, errorDetail: error.message };
      if (!this.#controller.signal.aborted) this.#parts.log.error("response in the background failed", detail);
      return this.#refuse(errorResponse(error));
    }
  }

  async #answer(witness: RunWitness): Promise<StoredResponse> {
    let ended: StoredResponse | undefined;
    const response = await runJob(this.#job, this.#parts, {
      signal: this.#controller.signal,
      waitUntil: witness.waitUntil,
      settling: (settled) => {
        this.#settled = settled;
      },
      relay: (_, { body, status }) => {
        if (body === null || status !== 200) return undefined;
        return watchResponse(body, {
          keepsBytes: undefined,
          maxLength: this.policy.maxLength,
          onEnd: (last) => {
            ended = storedResponse(this.turn, last, this.policy);
            witness.ended(ended);
          },
        });
      },
    });
    if (response.status !== 200 || response.body === null) return this.#refuse(response);
    this.#decided.resolve(undefined);
    witness.began();
    this.#reader = response.body.getReader();
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done || !witness.isWanted()) break;
      if (this.#log.append(value)) witness.changed();
      if (this.#log.length > this.policy.maxLength) {
        this.abort();
        return this.#failed("The response is larger than is kept.");
      }
    }
    return ended ?? this.#failed(brokenStreamError().publicText);
  }

  async #refuse(response: Response): Promise<StoredResponse> {
    const body = await response.text();
    const headers = Object.fromEntries([...response.headers].filter(([name]) => keptHeaders.includes(name)));
    this.#decided.resolve({ kind: "refused", status: response.status, headers, body });
    const isLimit = response.status === 429;
    return this.#failed(messageIn(body), isLimit ? "rate_limit_exceeded" : "server_error");
  }

  #failed(...[message, code]: [string, Parameters<typeof failedResponse>[2]?]): StoredResponse {
    return storedWithoutOutput(this.turn, failedResponse(this.turn, message, code), this.policy);
  }
}

const errorSchema = z.object({ error: z.object({ message: z.string() }) });

/** What a region said of its refusal. */
function messageIn(body: string): string {
  const parsed = z
    .pipe(
      z.transform((text: string): unknown => JSON.parse(text)),
      errorSchema,
    )
    .safeParse(body);
  return parsed.success ? parsed.data.error.message : brokenStreamError().publicText;
}
