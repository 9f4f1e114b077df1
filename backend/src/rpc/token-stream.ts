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
import type { UnreadAccount } from "./unread-output.ts";

const finishReasons = {
  stop: FinishReason.STOP,
  length: FinishReason.LENGTH,
  abort: FinishReason.ABORT,
} as const satisfies Record<Finish["reason"], FinishReason>;

/** One choice of a call. */
interface Choice {
  readonly index: number;
  readonly pending: PendingTokens;
  /** The engine's last word on it; goes out with its last tokens. */
  finish: Finish | undefined;
}

/**
 * Tokens on their way to one caller, no faster than the caller reads. While the call's window is full the tokens gather
 * here, and go out together in as few messages as hold them when it drains: a slow reader costs at most its own output, and nobody waits.
 */
export class TokenStream {
  readonly #call: ServerWritableStream<GenerateRequest, GenerateResponse>;
  readonly #unread: Pick<UnreadAccount, "change">;
  /** Those of which something is still to come. */
  readonly #choices = new Map<number, Choice>();
  #error: AppError | undefined;
  #blocked = false;
  #closed = false;

  /** The call ends with the last of `numChoices` choices. @param unread is told of what gathers here. */
  constructor(
    call: ServerWritableStream<GenerateRequest, GenerateResponse>,
    numChoices: number,
    unread: Pick<UnreadAccount, "change">,
  ) {
    this.#call = call;
    this.#unread = unread;
    for (let index = 0; index < numChoices; index += 1) {
      this.#choices.set(index, { index, pending: new PendingTokens(), finish: undefined });
    }
    call.on("drain", () => {
      this.#blocked = false;
      this.#flush();
    });
  }

  push(index: number, batch: TokenBatch): void {
    this.#gather(this.#choices.get(index), batch);
    this.#flush();
  }

  /** Sends what is left of the choice, then the finish. */
  finish(index: number, batch: TokenBatch, finish: Finish): void {
    const choice = this.#choices.get(index);
    if (choice === undefined) return;
    choice.finish = finish;
    this.#gather(choice, batch);
    this.#flush();
  }

  /** Nothing more is sent of the choice. */
  drop(index: number): void {
    this.#unread.change(-(this.#choices.get(index)?.pending.size ?? 0));
    this.#choices.delete(index);
    this.#flush();
  }

  /** Sends what is left, then the error, and ends the call. */
  fail(error: AppError): void {
    this.#error ??= error;
    this.#flush();
  }

  /** Drops what is left: the call is over. Nothing is written after it. */
  close(): void {
    this.#closed = true;
    this.#choices.clear();
  }

  #gather(choice: Choice | undefined, batch: TokenBatch): void {
    if (choice === undefined) return;
    const before = choice.pending.size;
    choice.pending.push(batch);
    this.#unread.change(choice.pending.size - before);
  }

  #flush(): void {
    if (this.#closed) return;
    for (const choice of this.#choices.values().toArray()) {
      // The rest goes when it drains.
      if (this.#blocked) return;
      this.#send(choice);
    }
    if (this.#blocked && this.#choices.size > 0) return;
    this.#closed = this.#error !== undefined || this.#choices.size === 0;
    if (this.#error !== undefined) this.#call.emit("error", toStatus(this.#error));
    else if (this.#closed) this.#call.end();
  }

  /** As much of the choice as the window takes. */
  #send(choice: Choice): void {
    const { pending, finish, index } = choice;
    while (!pending.fitsOneMessage) {
      this.#write(choice);
      if (this.#blocked) return;
    }
    if (finish === undefined && pending.isEmpty) return;
    this.#choices.delete(index);
    // Behind the others, so that a window that takes one message at a time serves all in turn.
    if (finish === undefined) this.#choices.set(index, choice);
    this.#write(choice, finish);
  }

  #write({ index, pending }: Choice, finish?: Finish): void {
    const before = pending.size;
    this.#blocked = !this.#call.write({ ...pending.take(), index, finish: finish && toMessage(finish) });
    this.#unread.change(pending.size - before);
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
