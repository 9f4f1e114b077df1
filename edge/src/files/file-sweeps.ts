// The sweep of files, seen from whoever makes some.
import type { FileSweeper } from "./file-sweeper.ts";

export class FileSweeps {
  readonly #namespace: DurableObjectNamespace<FileSweeper>;

  constructor(namespace: DurableObjectNamespace<FileSweeper>) {
    this.#namespace = namespace;
  }

  /** A file will be due then. To be told before there is one, so that no file outlives whoever made it unseen. */
  async expect(dueAtMs: number): Promise<void> {
    await this.#namespace.getByName("files").wakeBy(dueAtMs);
  }
}
