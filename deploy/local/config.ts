// What the environment may say about the local stack.
import path from "node:path";
import * as z from "zod";

/** The checkout's root: everything the stack runs lies under it. */
export const repositoryRoot = path.join(import.meta.dirname, "../..");

const environmentSchema = z.object({
  SLUICE_STATE: z.string().min(1).default(".sluice"),
  SLUICE_PORT: z.coerce.number("must be a port number").int().min(1).max(65_535).default(8787),
  SLUICE_MAX_LOG_BYTES: z.coerce
    .number("must be a number of bytes")
    .int()
    .min(1_048_576)
    .default(32 * 1_048_576),
  SLUICE_MODEL: z.string().min(1).default("models/pocket"),
  HF_ENDPOINT: z.url("must be a URL").optional(),
  SLUICE_MODEL_ID: z.string().min(1).optional(),
  SLUICE_DEVICE: z.enum(["cpu", "webgpu"]).default("cpu"),
  SLUICE_PRECISION: z.enum(["fp32", "fp16", "int8", "int4"]).optional(),
  SLUICE_TOOL_CALL_PARSER: z.string().min(1).optional(),
  SLUICE_REASONING_PARSER: z.string().min(1).optional(),
});

export interface StackConfig {
  /** Directory of everything the stack writes: state of the edge, logs, caches, secrets, stack.json. */
  readonly stateDir: string;
  readonly edgePort: number;
  /** Of each process: its log and the one before. */
  readonly maxLogBytes: number;
  /** A Hugging Face directory, or a Hub id such as `HuggingFaceTB/SmolLM2-135M-Instruct`. */
  readonly model: string;
  /** Where Hub ids are looked up; undefined is huggingface.co. */
  readonly hubUrl: string | undefined;
  /** Name the model is served under; undefined takes the directory's name, or the Hub id. */
  readonly modelId: string | undefined;
  /** What the engines run on; both share the one GPU, when that. */
  readonly device: "cpu" | "webgpu";
  /** Weight precision of the engines; undefined leaves their default. */
  readonly precision: string | undefined;
  /** How the ingresses read the model's output, as their own configuration has it; absent leaves their default. */
  readonly parsers: Readonly<Record<string, string>>;
}

/** @throws Error with one line a variable when a value is not usable. */
export function readStackConfig(env: NodeJS.ProcessEnv): StackConfig {
  const parsed = environmentSchema.safeParse(env);
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("\n"));
  }
  const { SLUICE_STATE, SLUICE_PORT, SLUICE_MODEL, SLUICE_MODEL_ID, SLUICE_DEVICE, SLUICE_PRECISION, HF_ENDPOINT } =
    parsed.data;
  const { SLUICE_TOOL_CALL_PARSER, SLUICE_REASONING_PARSER, SLUICE_MAX_LOG_BYTES } = parsed.data;
  return {
    stateDir: path.resolve(repositoryRoot, SLUICE_STATE),
    edgePort: SLUICE_PORT,
    maxLogBytes: SLUICE_MAX_LOG_BYTES,
    model: SLUICE_MODEL,
    hubUrl: HF_ENDPOINT,
    modelId: SLUICE_MODEL_ID,
    device: SLUICE_DEVICE,
    precision: SLUICE_PRECISION,
    parsers: {
      ...(SLUICE_TOOL_CALL_PARSER !== undefined && { SLUICE_TOOL_CALL_PARSER }),
      ...(SLUICE_REASONING_PARSER !== undefined && { SLUICE_REASONING_PARSER }),
    },
  };
}
