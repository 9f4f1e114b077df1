// Reads single values from a Prometheus page.
import { setTimeout as sleep } from "node:timers/promises";

/** Sum of a metric over its labels. @throws Error when the page does not have it. */
export async function readMetric(metricsUrl: string, name: string): Promise<number> {
  const page = await (await fetch(metricsUrl)).text();
  const samples = page.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  if (samples.length === 0) throw new Error(`${metricsUrl} has no ${name}`);
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** Resolves once the metrics of every engine satisfy `predicate`; throws after `timeoutMs` with the last values. */
export async function awaitMetric(
  metricsUrls: readonly string[],
  name: string,
  predicate: (sum: number) => boolean,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const values = await Promise.all(metricsUrls.map((url) => readMetric(url, name)));
    const sum = values.reduce((a, b) => a + b, 0);
    if (predicate(sum)) return;
    if (performance.now() > deadline) throw new Error(`${name} stayed at ${values.join(" + ")}`);
    await sleep(25);
  }
}
