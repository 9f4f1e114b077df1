import type { TestProject } from "vitest/node";
import { type StackFile, startStack } from "./start-stack.ts";

declare module "vitest" {
  interface ProvidedContext {
    stateDir: string;
    stack: StackFile;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack();
  project.provide("stateDir", stack.stateDir);
  project.provide("stack", await stack.stackFile());
  return stack.dispose;
}
