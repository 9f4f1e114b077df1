import { fileURLToPath } from "node:url";
import { Engine } from "#engine/engine.ts";
import { createCpuExecutor } from "#engine/executor/cpu-executor.ts";
import type { GenerationRequest } from "#engine/generation.ts";
import { createModelGrammars } from "#engine/grammar/model-grammars.ts";
import type { Grammars } from "#engine/grammar/grammars.ts";
import { readTokenBytes } from "#engine/grammar/read-token-bytes.ts";
import type { SequenceId } from "#engine/scheduler/sequence-id.ts";
import { loadServedModel, type ServedModel } from "#ingress/text/served-model.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

export const pocketDir = `${root}models/pocket`;

/** Sequences in one step. */
export const BATCH = 8;

/** An engine in this thread, with the text side of its model. */
export interface GrammarEngine {
  readonly engine: Engine;
  readonly grammars: Grammars;
  readonly model: ServedModel;
  /** token id -> its bytes. */
  readonly tokenBytes: readonly Uint8Array[];
  /** Asks for tokens sampled at temperature 1, after a prompt that wants JSON. @throws Error when it is refused. */
  readonly add: (grammar: string | undefined, maxTokens: number, mayStop: boolean) => SequenceId;
}

export async function createGrammarEngine(
  modelDir: string,
  precision: "fp32" | "int8" | "int4",
): Promise<GrammarEngine> {
  const model = await loadServedModel(modelDir, "bench");
  const executor = await createCpuExecutor({
    modelDir,
    precision,
    blockSize: 64,
    numBlocks: 512,
    numThreads: 1,
    cacheDir: `${root}.sluice/cache`,
  });
  const cache = { maxEntries: 256, maxBytes: 4 * 1024 * 1024 };
  const grammars = await createModelGrammars({ modelDir, cache }, executor.spec.vocabSize);
  const tokenBytes = await readTokenBytes(modelDir, executor.spec.vocabSize);
  if (grammars === undefined || tokenBytes === undefined) throw new Error(`${modelDir} has no tokenizer.json`);
  const limits = { maxNumBatchedTokens: 2048, maxNumSeqs: BATCH, maxQueuedRequests: 4096, maxQueuedTokens: 1_000_000 };
  const engine = new Engine(executor, limits, false, grammars);
  const messages = [{ role: "user" as const, content: "Give me a JSON object with name Mira and age 31." }];
  const prompt = model.chatTemplate?.render(messages, model.tokenizer.controlText);
  const promptTokenIds = await model.tokenizer.encodeRendered(prompt ?? "JSON: ");
  let numRequests = 0;
  const add = (grammar: string | undefined, maxTokens: number, mayStop: boolean): SequenceId => {
    numRequests += 1;
    const request: GenerationRequest = {
      sequenceId: numRequests as SequenceId,
      promptTokenIds,
      sampling: { temperature: 1, topP: 1, topK: 0, seed: numRequests },
      stopping: { maxTokens, stopTokenIds: mayStop ? model.stopTokenIds : [] },
      priority: 0,
      cacheSalt: "",
      tenant: "",
      grammar,
    };
    const admission = engine.add(request);
    if (!admission.admitted) throw new Error(admission.detail);
    return request.sequenceId;
  };
  return { engine, grammars, model, tokenBytes, add };
}
