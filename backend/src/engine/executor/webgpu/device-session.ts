import { InferenceSession } from "onnxruntime-node";
import { silenceTelemetry } from "#engine/executor/silence-telemetry.ts";

export interface DeviceSessionOptions {
  /** Where the model's external data lies. */
  readonly weightsFolder?: string;
  /** Outputs that stay on the device; the others are copied to JavaScript. */
  readonly residentOutputs?: readonly string[];
}

/** Opens a session on the WebGPU provider. A run blocks the calling thread until it is done. */
export async function openDeviceSession(
  model: Uint8Array,
  { weightsFolder, residentOutputs = [] }: DeviceSessionOptions = {},
): Promise<InferenceSession> {
  silenceTelemetry();
  return InferenceSession.create(model, {
    executionProviders: ["webgpu"],
    // The fallbacks to the CPU are shape arithmetic; no thread would help them.
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    preferredOutputLocation: Object.fromEntries(residentOutputs.map((name) => [name, "gpu-buffer"] as const)),
    ...(weightsFolder !== undefined && {
      extra: { session: { model_external_initializers_file_folder_path: weightsFolder } },
    }),
  });
}
