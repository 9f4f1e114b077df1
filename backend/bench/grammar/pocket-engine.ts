import { fileURLToPath } from "node:url";
import { Engine } from "#engine/engine.ts";
import { createCpuExecutor } from "#engine/executor/cpu-executor.ts";
import type { GenerationRequest } from "#engine/generation.ts";
import type { GrammarId } from "#engine/grammar/compiled-grammar.ts";
import { Grammars } from "#engine/grammar/grammars.ts";
import { readTokenBytes } from "#engine/grammar/read-token-bytes.ts";
import type { SequenceId } from "#engine/scheduler/sequence-id.ts";
import { systemClock } from "#platform/clock.ts";
import { CompiledGrammars, type GrammarLease } from "#rpc/compiled-grammars.ts";
import { usualBlockSize, usualPoolTokens } from "#rpc/config.ts";
import { GrammarCompilerThread } from "#rpc/grammar-compiler-thread.ts";
import { loadServedModel, type ServedModel } from "#ingress/text/served-model.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

export const pocketDir = `${root}models/pocket`;

/** Sequences in one step. */
export const BATCH = 8;

/** An engine in this thread, with the text side of its model, and the thread that compiles grammars for it. */
export interface GrammarEngine {
  readonly engine: Engine;
  readonly compile: (ebnf: string) => Promise<GrammarLease>;
  readonly model: ServedModel;
  /** token id -> its bytes. */
  readonly tokenBytes: readonly Uint8Array[];
  /** Asks for tokens sampled at temperature 1, after a prompt that wants JSON. @throws Error when it is refused. */
  readonly add: (grammar: GrammarId | undefined, maxTokens: number, mayStop: boolean) => SequenceId;
  readonly close: () => Promise<void>;
}

const arena = { arenaBytes: 128 * 1024 * 1024, maxGrammarBytes: 32 * 1024 * 1024 };
const maxTextBytes = 256 * 1024;
const timeoutMs = 120_000;

export async function createGrammarEngine(
  modelDir: string,
  precision: "fp32" | "int8" | "int4",
): Promise<GrammarEngine> {
  const model = await loadServedModel(modelDir, "bench");
  const executor = await createCpuExecutor({
    modelDir,
    precision,
    blockSize: usualBlockSize.cpu,
    numBlocks: usualPoolTokens / usualBlockSize.cpu,
    numThreads: 1,
    cacheDir: `${root}.sluice/cache`,
  });
  const tokenBytes = await readTokenBytes(modelDir, executor.spec.vocabSize);
  if (tokenBytes === undefined) throw new Error(`${modelDir} has no tokenizer.json`);
  const own = await Grammars.create({ tokenBytes, ...arena });
  const limits = { maxNumBatchedTokens: 2048, maxNumSeqs: BATCH, maxQueuedRequests: 4096, maxQueuedTokens: 1_000_000 };
  const engine = new Engine(executor, limits, false, own);
  const grammars = new CompiledGrammars({
    maxTextBytes,
    arena,
    clock: systemClock,
    compiler: new GrammarCompilerThread({ modelDir, arena }, timeoutMs),
    client: {
      model: { spec: engine.spec, load: engine.load() },
      installGrammar: (id, compiled) => engine.installGrammar(id, compiled),
      dropGrammar: (id) => engine.dropGrammar(id),
    },
  });
  const messages = [{ role: "user" as const, content: "Give me a JSON object with name Mira and age 31." }];
  const prompt = model.chatTemplate?.render(messages, model.tokenizer.controlText);
  const promptTokenIds = await model.tokenizer.encodeRendered(prompt ?? "JSON: ");
  let numRequests = 0;
  const add = (grammar: GrammarId | undefined, maxTokens: number, mayStop: boolean): SequenceId => {
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
  const signal = new AbortController().signal;
  const compile = (ebnf: string): Promise<GrammarLease> => grammars.compile(ebnf, { tenant: "", priority: 0, signal });
  const close = async (): Promise<void> => {
    await grammars.close();
    await engine.close();
  };
  return { engine, compile, model, tokenBytes, add, close };
}
