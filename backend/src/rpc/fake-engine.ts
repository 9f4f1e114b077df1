import type { Client } from "@grpc/grpc-js";
import { FakeExecutor } from "#engine/executor/fake-executor.ts";
import { LoopbackEngine } from "./loopback-engine.ts";
import { StepGate } from "./step-gate.ts";

export interface FakeEngine {
  readonly loopback: LoopbackEngine;
  readonly client: Client;
  readonly steps: StepGate;
}

/** An engine for a test that listens, its model not yet loaded: four sequences at once, two requests that wait. */
export async function startFakeEngine(numBlocks = 4096): Promise<FakeEngine> {
  const steps = new StepGate();
  const executor = new FakeExecutor({ maxModelLen: 100_000, numBlocks }, steps.pass);
  const limits = { maxNumBatchedTokens: 64, maxNumSeqs: 4, maxQueuedRequests: 2, maxQueuedTokens: 1_000 };
  const loopback = new LoopbackEngine(executor, limits);
  return { loopback, client: await loopback.listen(), steps };
}
