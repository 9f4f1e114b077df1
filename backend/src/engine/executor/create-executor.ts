import type { CpuExecutorOptions } from "./cpu-executor.ts";
import { createCpuExecutor } from "./cpu-executor.ts";
import type { Executor } from "./executor.ts";
import type { WebGpuExecutorOptions } from "./webgpu/webgpu-executor.ts";
import { createWebGpuExecutor } from "./webgpu/webgpu-executor.ts";

export type ExecutorOptions =
  | ({ readonly device: "cpu" } & CpuExecutorOptions)
  | ({ readonly device: "webgpu" } & WebGpuExecutorOptions);

/** Loads a checkpoint for the device that the options name. Each step blocks the calling thread. */
export function createExecutor(options: ExecutorOptions): Promise<Executor> {
  switch (options.device) {
    case "cpu":
      return createCpuExecutor(options);
    case "webgpu":
      return createWebGpuExecutor(options);
  }
}
