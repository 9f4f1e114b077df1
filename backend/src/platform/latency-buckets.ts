// vLLM's histogram buckets, so that quantiles and alerts made for vLLM mean the same here. In seconds or tokens.
// Source: vllm/v1/metrics/loggers.py.

export const firstTokenBuckets = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
];

/** From one token to the next, and the mean of that over a request. */
export const nextTokenBuckets = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];

/** Of a request and of its phases. */
export const requestBuckets = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];

export const choiceBuckets = [1, 2, 5, 10, 20];

export const stepTokenBuckets = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

/** 1, 2, 5, 10, 20, 50, … as far as `greatest`: of token counts that go as far as the model's length. */
export function tokenCountBuckets(greatest: number): number[] {
  const buckets: number[] = [];
  for (let power = 1; power <= greatest; power *= 10) {
    for (const bucket of [power, 2 * power, 5 * power]) if (bucket <= greatest) buckets.push(bucket);
  }
  return buckets;
}
