import type { Sample } from "../measure.ts";

/** What was measured, one sample a round, of each gateway in each case. */
export class Results {
  /** case -> gateway -> samples by round. */
  readonly #samples = new Map<string, Map<string, Sample[]>>();

  add(gateway: string, caseName: string, sample: Sample): void {
    const ofCase = this.#samples.get(caseName) ?? new Map<string, Sample[]>();
    this.#samples.set(caseName, ofCase);
    ofCase.set(gateway, [...(ofCase.get(gateway) ?? []), sample]);
  }

  gatewaysOf(caseName: string): readonly string[] {
    return [...(this.#samples.get(caseName)?.keys() ?? [])];
  }

  /** Median over the rounds; absent when it was not measured. */
  median(gateway: string, caseName: string, read: (sample: Sample) => number | undefined): number | undefined {
    return median(this.#read(gateway, caseName, read));
  }

  /** Median of the rounds' ratios: what slows a whole round down says nothing of either. */
  ratio(
    gateway: string,
    base: string,
    caseName: string,
    read: (sample: Sample) => number | undefined,
  ): number | undefined {
    return this.#paired(gateway, base, caseName, read, (one, other) => one / other);
  }

  /** Median of the rounds' differences. */
  difference(
    gateway: string,
    base: string,
    caseName: string,
    read: (sample: Sample) => number | undefined,
  ): number | undefined {
    return this.#paired(gateway, base, caseName, read, (one, other) => one - other);
  }

  #paired(
    gateway: string,
    base: string,
    caseName: string,
    read: (sample: Sample) => number | undefined,
    combine: (one: number, other: number) => number,
  ): number | undefined {
    const others = this.#read(base, caseName, read);
    const pairs = this.#read(gateway, caseName, read).flatMap((one, round) => {
      const other = others[round];
      return other === undefined ? [] : [combine(one, other)];
    });
    return median(pairs);
  }

  #read(gateway: string, caseName: string, read: (sample: Sample) => number | undefined): readonly number[] {
    const samples = this.#samples.get(caseName)?.get(gateway) ?? [];
    return samples.map(read).filter((value) => value !== undefined);
  }
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [below, above] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return below === undefined || above === undefined ? undefined : (below + above) / 2;
}
