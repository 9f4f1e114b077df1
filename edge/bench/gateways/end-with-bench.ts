import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

const children = new Set<ChildProcess>();

process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Sees to it that the process does not outlive the bench. Returns what ends it before; it keeps nothing worth waiting for. */
export function endWithBench(child: ChildProcess): () => Promise<void> {
  children.add(child);
  return async () => {
    children.delete(child);
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
}
