/**
 * Keeps ONNX Runtime from telling its makers what it runs, and from keeping that on disk until it can. It reads the process's
 * environment once, when a session opens for the first time; a thread's own is a copy unless it was started with SHARE_ENV.
 * Source: ONNX Runtime, docs/Privacy.md.
 */
export function silenceTelemetry(): void {
  // oxlint-disable-next-line node/no-process-env -- native code is told nothing in another way
  process.env["ORT_DISABLE_TELEMETRY"] = "1";
}
