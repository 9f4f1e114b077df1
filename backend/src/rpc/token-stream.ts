import type { ServerWritableStream } from "@grpc/grpc-js";
import type { AppError } from "@sluice/shared/errors.ts";
import {
  FinishReason,
  type GenerateRequest,
  type GenerateResponse,
} from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { Finish } from "#engine/generation.ts";
import { PendingTokens, type TokenBatch } from "./pending-tokens.ts";
import { toStatus } from "./status.ts";

/** How a stream ends: with the engine's word, or with an error. */
type Ending =
  | { readonly kind: "finish"; readonly finish: Finish }
  | { readonly kind: "error"; readonly error: AppError };

const finishReasons = {
  stop: FinishReason.STOP,
  length: FinishReason.LENGTH,
  abort: FinishReason.ABORT,
} as const satisfies Record<Finish["reason"], FinishReason>;

/**
 * Tokens on their way to one caller, no faster than the caller reads. While the call's window is full the tokens gather
 * here, and go out together in as few messages as hold them when it drains: a slow reader costs at most its own output, and nobody waits.
 */
export class TokenStream {
  readonly #call: ServerWritableStream<GenerateRequest, GenerateResponse>;
  readonly #pending = new PendingTokens();
  #ending: Ending | undefined;
  #blocked = false;
  #closed = false;

  constructor(call: ServerWritableStream<GenerateRequest, GenerateResponse>) {
    this.#call = call;
    call.on("drain", () => {
      this.#blocked = false;
      this.#flush();
    });
  }

  push(batch: TokenBatch): void {
    this.#pending.push(batch);
    this.#flush();
  }

  /** Sends what is left, then the finish, and ends the call. */
  finish(batch: TokenBatch, finish: Finish): void {
    this.#pending.push(batch);
    this.#end({ kind: "finish", finish });
  }

  /** Sends what is left, then the error, and ends the call. */
  fail(error: AppError): void {
    this.#end({ kind: "error", error });
  }

  /** Drops what is left: the call is over. Nothing is written after it. */
  close(): void {
    this.#closed = true;
    this.#pending.clear();
  }

  #end(ending: Ending): void {
    this.#ending = ending;
    this.#flush();
  }

  #flush(): void {
    if (this.#closed || this.#blocked) return;
    while (!this.#pending.fitsOneMessage) {
      this.#write();
      // The rest goes when it drains.
      if (this.#blocked) return;
    }
    const ending = this.#ending;
    this.#closed = ending !== undefined;
    if (ending?.kind === "finish") {
      this.#write(ending.finish);
      this.#call.end();
      return;
    }
    if (!this.#pending.isEmpty) this.#write();
    if (ending?.kind === "error") this.#call.emit("error", toStatus(ending.error));
  }

  #write(finish?: Finish): void {
    this.#blocked = !this.#call.write({ ...this.#pending.take(), finish: finish && toMessage(finish) });
  }
}

function toMessage(finish: Finish): NonNullable<GenerateResponse["finish"]> {
  return {
    reason: finishReasons[finish.reason],
    stopTokenId: finish.stopTokenId,
    promptTokens: finish.numPromptTokens,
    completionTokens: finish.numCompletionTokens,
    cachedTokens: finish.numCachedTokens,
  };
}
