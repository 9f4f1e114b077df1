// What a token costs, from how long steps were measured to take: a step of p prompt tokens and d decodes is taken to last
// prefill·p + decode·d, and the two rates are those with the least squared error over the recent steps. What every step costs
// alike is thereby shared out among its tokens. Attention's growth with the context is not told apart either: the rates
// are those of the traffic as it is.
import type { EngineClient } from "#engine/engine-client.ts";
import type { TimedStep } from "#engine/engine-protocol.ts";

/** Sums over the steps, as least squares needs them: p prompt tokens, d decodes, t milliseconds. */
export interface CostSums {
  readonly pp: number;
  readonly pd: number;
  readonly dd: number;
  readonly pt: number;
  readonly dt: number;
}

/** Milliseconds; absent where no step told. Never negative. */
export interface Costs {
  readonly prefillMsPerToken: number | undefined;
  readonly decodeMsPerSequence: number | undefined;
}

/** Older steps fade: after this much time spent in steps they count a third (1/e). */
const MEMORY_MS = 10_000;
/** Below it the two kinds of work always came in the same proportion, and cannot be told apart. */
const LEAST_INDEPENDENCE = 1e-6;

/** Pure. */
export function fitCosts({ pp, pd, dd, pt, dt }: CostSums): Costs {
  const onlyPrefill = pp > 0 ? pt / pp : undefined;
  const onlyDecode = dd > 0 ? dt / dd : undefined;
  if (onlyPrefill === undefined || onlyDecode === undefined) {
    return { prefillMsPerToken: onlyPrefill, decodeMsPerSequence: onlyDecode };
  }
  const determinant = pp * dd - pd * pd;
  if (determinant < LEAST_INDEPENDENCE * pp * dd) {
    // Always in one proportion: a token is a token.
    const msPerToken = (pt + dt) / (pp + 2 * pd + dd);
    return { prefillMsPerToken: msPerToken, decodeMsPerSequence: msPerToken };
  }
  const prefill = (pt * dd - dt * pd) / determinant;
  const decode = (dt * pp - pt * pd) / determinant;
  // At the border the best fit is that of the other alone.
  if (prefill < 0) return { prefillMsPerToken: 0, decodeMsPerSequence: onlyDecode };
  if (decode < 0) return { prefillMsPerToken: onlyPrefill, decodeMsPerSequence: 0 };
  return { prefillMsPerToken: prefill, decodeMsPerSequence: decode };
}

/** Adds a step, and lets those before it fade. Pure. */
export function addStep(
  sums: CostSums,
  { numPrefillTokens: p, numDecodeTokens: d, durationMs: t }: TimedStep,
): CostSums {
  const kept = Math.exp(-t / MEMORY_MS);
  return {
    pp: kept * sums.pp + p * p,
    pd: kept * sums.pd + p * d,
    dd: kept * sums.dd + d * d,
    pt: kept * sums.pt + p * t,
    dt: kept * sums.dt + d * t,
  };
}

/** The costs of an engine's recent steps. */
export class StepCosts {
  #sums: CostSums = { pp: 0, pd: 0, dd: 0, pt: 0, dt: 0 };

  constructor(client: EngineClient) {
    client.onStep((step) => {
      this.#sums = addStep(this.#sums, step);
    });
  }

  read(): Costs {
    return fitCosts(this.#sums);
  }
}
