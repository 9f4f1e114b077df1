import { InferenceSession } from "onnxruntime-node";
import { silenceTelemetry } from "./silence-telemetry.ts";

export interface NativeSessionOptions {
  readonly numThreads: number;
  /** Where the model's external data lies. */
  readonly weightsFolder?: string;
  /** Where a profile of every node is written when the session is released; absent: none is taken. For benches. */
  readonly profilePrefix?: string;
}

/** Opens a session on the CPU provider. A run blocks the calling thread until it is done. */
export async function openSession(model: Uint8Array, options: NativeSessionOptions): Promise<InferenceSession> {
  silenceTelemetry();
  return InferenceSession.create(model, {
    executionProviders: ["cpu"],
    intraOpNumThreads: options.numThreads,
    interOpNumThreads: 1,
    // Without the arena the large tensors of a prompt come from the kernel page by page, in each run anew. The arena keeps
    // the most that a run has taken, which split-step.ts bounds.
    enableCpuMemArena: true,
    // A pattern is planned per input shape, and shapes change with each step.
    enableMemPattern: false,
    logSeverityLevel: 3,
    ...(options.profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
    extra: {
      session: {
        // Threads that spin between steps would take the processor from everyone else.
        intra_op: { allow_spinning: "0" },
        ...(options.weightsFolder === undefined
          ? {}
          : { model_external_initializers_file_folder_path: options.weightsFolder }),
      },
    },
  });
}
