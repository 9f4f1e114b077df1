// Loaded into an engine's process and its threads (`node --expose-gc --import`): on SIGUSR2 every thread collects its garbage
// and says on stdout what is left, one line of JSON each.
import { writeSync } from "node:fs";
import { BroadcastChannel, isMainThread, threadName } from "node:worker_threads";

const channel = new BroadcastChannel("report-heap");
channel.unref();
channel.addEventListener("message", report);
if (isMainThread) {
  process.on("SIGUSR2", () => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows: a thread has no origin
    channel.postMessage("report");
    report();
  });
}

function report(): void {
  if (globalThis.gc === undefined) throw new Error("--expose-gc is missing");
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  const thread = isMainThread ? "main" : threadName;
  writeSync(1, `${JSON.stringify({ msg: "heap", thread, heapUsed, external })}\n`);
}
