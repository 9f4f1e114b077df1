import { InferenceSession } from "onnxruntime-node";

export interface NativeSessionOptions {
  readonly numThreads: number;
  /** Where the model's external data lies. */
  readonly weightsFolder?: string;
}

/** Opens a session on the CPU provider. A run blocks the calling thread until it is done. */
export async function openSession(model: Uint8Array, options: NativeSessionOptions): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    executionProviders: ["cpu"],
    intraOpNumThreads: options.numThreads,
    interOpNumThreads: 1,
    // The arena keeps the peak of every shape it has seen; shapes here change with each step.
    enableCpuMemArena: false,
    enableMemPattern: false,
    logSeverityLevel: 3,
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
