// The entry of an engine's thread.
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "#platform/clock.ts";
import { EngineLoop } from "./engine-loop.ts";
import { typedPort } from "./engine-port.ts";
import type { EngineThreadData } from "./engine-thread.ts";
import { Engine } from "./engine.ts";
import { createExecutor, type ExecutorOptions } from "./executor/create-executor.ts";

if (parentPort === null) throw new Error("this file is a worker's entry");
const { executor, limits, prefixCaching }: EngineThreadData<ExecutorOptions> = workerData;
const engine = new Engine(await createExecutor(executor), limits, prefixCaching);
await new EngineLoop(engine, typedPort(parentPort), systemClock).run();
// The open port would keep the thread alive.
parentPort.close();
