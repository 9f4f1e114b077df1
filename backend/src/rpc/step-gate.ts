/** What a test does to the steps of its engine: `pass` runs before each, and does nothing unless told to. */
export class StepGate {
  #before: () => Promise<void> | void = () => {};

  readonly pass = (): Promise<void> | void => this.#before();

  open(): void {
    this.#before = () => {};
  }

  /** Holds back every step from the next one on. */
  hold(): { readonly reached: Promise<void>; readonly release: () => void } {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    this.#before = () => {
      reach();
      return released;
    };
    return { reached, release };
  }

  /** Makes every step fail. */
  fail(error: Error): void {
    this.#before = () => {
      throw error;
    };
  }
}
