// The entry of an engine's thread.
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "#platform/clock.ts";
import { EngineLoop } from "./engine-loop.ts";
import { typedPort } from "./engine-port.ts";
import type { EngineThreadData } from "./engine-thread.ts";
import { Engine } from "./engine.ts";
import { createExecutor, type ExecutorOptions } from "./executor/create-executor.ts";
import { createModelGrammars } from "./grammar/model-grammars.ts";

if (parentPort === null) throw new Error("this file is a worker's entry");
const {
  executor: options,
  limits,
  prefixCaching,
  speculation,
  grammars,
}: EngineThreadData<ExecutorOptions> = workerData;
const executor = await createExecutor(options);
const ownGrammars = grammars && (await createModelGrammars(grammars, executor.spec.vocabSize));
const engine = new Engine(executor, limits, prefixCaching, ownGrammars, speculation);
await new EngineLoop(engine, typedPort(parentPort), systemClock).run();
// The open port would keep the thread alive.
parentPort.close();
