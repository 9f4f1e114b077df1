import { Session } from "node:inspector/promises";

const SAMPLING_INTERVAL_US = 100;

// folder or file of the engine -> the step's part that its functions belong to; the first that matches decides
const PARTS: readonly (readonly [RegExp, string])[] = [
  [/\/engine\/(scheduler|kv)\//, "schedule"],
  [/\/engine\/executor\/kv-pool/, "store"],
  [/\/engine\/executor\/finite-check/, "check"],
  [/\/engine\/executor\//, "feeds"],
  [/\/onnxruntime-(node|common)\//, "binding"],
  [/\/engine\/(sampling|stopping)\//, "sampling"],
  [/\/engine\//, "reporting"],
];

/** Milliseconds that `work` spends in each part of the engine; "native run" is all below the binding. */
export async function profileScript(work: () => Promise<void>): Promise<ReadonlyMap<string, number>> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: SAMPLING_INTERVAL_US });
  await session.post("Profiler.start");
  await work();
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();

  const partOf = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame.functionName, callFrame.url)]));
  const parts = new Map<string, number>();
  for (const [index, id] of (profile.samples ?? []).entries()) {
    const part = partOf.get(id);
    if (part === undefined) continue;
    parts.set(part, (parts.get(part) ?? 0) + (profile.timeDeltas?.[index] ?? 0) / 1e3);
  }
  return parts;
}

/** Absent for what is not the work's: waiting, and starting and stopping the profiler. */
function nameOf(functionName: string, url: string): string | undefined {
  if (functionName === "(idle)" || url.startsWith("node:inspector")) return undefined;
  if (functionName === "(garbage collector)") return "garbage collection";
  // The native call is a function without a file. Its name says nothing: the binding's functions have one entry in common, and
  // the profiler may take one for another.
  if (url === "" && functionName !== "(root)") return "native run";
  return PARTS.find(([pattern]) => pattern.test(url))?.[1] ?? "other";
}
