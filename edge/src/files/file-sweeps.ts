// The sweep of files, seen from whoever makes some.
import { AppError } from "@sluice/shared/errors.ts";
import { answerWithin } from "#edge/deadline.ts";
import type { FileSweeper } from "./file-sweeper.ts";

const retryAfterMs = 1_000;

export class FileSweeps {
  readonly #namespace: DurableObjectNamespace<FileSweeper>;
  readonly #timeoutMs: number;

  /** @param timeoutMs longest wait for the sweeper. */
  constructor(namespace: DurableObjectNamespace<FileSweeper>, timeoutMs: number) {
    this.#namespace = namespace;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * A file will be due then. To be told before there is one, so that no file outlives whoever made it unseen. Throws
   * `unavailable` when the sweeper does not answer.
   */
  async expect(dueAtMs: number): Promise<void> {
    const told = this.#namespace.getByName("files").wakeBy(dueAtMs);
    await answerWithin(this.#timeoutMs, told, (cause) => {
      const publicText = "Files cannot be kept at the moment.";
      return new AppError("unavailable", { publicText, cause, retryAfterMs, detail: `file sweeper: ${String(cause)}` });
    });
  }
}
