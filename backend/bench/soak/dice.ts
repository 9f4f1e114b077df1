import { uniformAt } from "#engine/sampling/philox.ts";

/** Chance that can be repeated. */
export class Dice {
  readonly #seed: number;
  #numThrows = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    this.#numThrows += 1;
    return uniformAt(this.#seed, this.#numThrows);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1));
  }

  /** @throws RangeError when there is nothing to pick. */
  pick<T>(from: readonly T[]): T {
    const picked = from[this.between(0, from.length - 1)];
    if (picked === undefined) throw new RangeError("nothing to pick from");
    return picked;
  }

  /** A waiting time with this mean, as between arrivals that do not know of each other. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.unit());
  }
}
