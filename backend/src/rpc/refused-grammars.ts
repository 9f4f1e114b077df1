import { AppError } from "@sluice/shared/errors.ts";

const MAX_REMEMBERED = 4096;

/** Why grammars were refused; of too many the ones that were asked for least recently are forgotten. */
export class RefusedGrammars {
  /** key -> why, in order of use */
  readonly #details = new Map<string, string>();

  add(key: string, detail: string): void {
    this.#details.set(key, detail);
    for (const oldest of this.#details.keys()) {
      if (this.#details.size <= MAX_REMEMBERED) break;
      this.#details.delete(oldest);
    }
  }

  /** @throws AppError `invalid_grammar` when it was refused. */
  assertIsNot(key: string): void {
    const detail = this.#details.get(key);
    if (detail === undefined) return;
    this.#details.delete(key);
    this.#details.set(key, detail);
    throw new AppError("invalid_grammar", { detail });
  }
}
