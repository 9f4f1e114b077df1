// What guessing tokens ahead gains, and what it costs where nothing repeats: the same requests with it and without, in turns, and
// the same outputs. The pocket model writes; steps are its own, or those of a model of real shape that computes the same
// batches. Processor time of decoding alone: it begins when the prompts are computed.
//
//   npm run bench:speculation -- [--tokens 7] [--max 4] [--min 2] [--precision int8] [--rounds 3] [--sequences 1,4,8] [--prompts 8] [--pocket-only]
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Engine } from "#engine/engine.ts";
import { createCpuExecutor } from "#engine/executor/cpu-executor.ts";
import type { Executor } from "#engine/executor/executor.ts";
import type { GenerationRequest } from "#engine/generation.ts";
import { LocalGrammars } from "#engine/grammar/local-grammars.ts";
import { readTokenBytes } from "#engine/grammar/read-token-bytes.ts";
import type { SequenceId } from "#engine/scheduler/sequence-id.ts";
import { loadServedModel } from "#ingress/text/served-model.ts";
import { usualBlockSize } from "#rpc/config.ts";
import { pocketDir } from "./grammar/pocket-engine.ts";
import { median } from "./measure.ts";
import { randomCheckpoint } from "./random-checkpoint.ts";
import { cpuMs } from "./speculation/cpu-time.ts";
import { ShapedExecutor } from "./speculation/shaped-executor.ts";
import { makeWorkloads, type Workload } from "./speculation/workloads.ts";
import { runPrefill } from "./workload.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values: args } = parseArgs({
  options: {
    tokens: { type: "string", default: "7" },
    max: { type: "string", default: "4" },
    min: { type: "string", default: "2" },
    precision: { type: "string", default: "int8" },
    rounds: { type: "string", default: "3" },
    sequences: { type: "string", default: "1,4,8" },
    prompts: { type: "string", default: "8" },
    "pocket-only": { type: "boolean", default: false },
  },
});
const precision = args.precision;
if (precision !== "fp32" && precision !== "int8" && precision !== "int4") throw new Error(`--precision ${precision}`);
const speculation = {
  numSpeculativeTokens: Number(args.tokens),
  promptLookupMax: Number(args.max),
  promptLookupMin: Number(args.min),
};
const limits = { maxNumBatchedTokens: 2048, maxNumSeqs: 64, maxQueuedRequests: 256, maxQueuedTokens: 1_000_000 };

const model = await loadServedModel(pocketDir, "bench");
const pocket = await createExecutor(pocketDir);
const shaped = args["pocket-only"]
  ? undefined
  : new ShapedExecutor(pocket, await createExecutor(await randomCheckpoint(`${root}.sluice/bench`, "smollm2-135m")));
const local = await LocalGrammars.create((await readTokenBytes(pocketDir, pocket.spec.vocabSize)) ?? []);

console.log(
  `text of ${pocketDir.split("/").at(-1)}, ${precision}, one thread of ${cpus()[0]?.model}, at most ${args.tokens} tokens ahead after the ` +
    `same ${args.min} to ${args.max}; tokens per CPU-second of decoding`,
);
const executors = [["the pocket model's", pocket] as const, ["of the shape of SmolLM2-135M", shaped] as const];
for (const workload of makeWorkloads(Number(args.prompts))) {
  const requests = await toRequests(workload);
  for (const numSequences of args.sequences.split(",").map(Number)) {
    for (const [steps, executor] of executors) {
      if (executor === undefined) continue;
      console.log(
        `${workload.name}, ${numSequences} at a time, steps ${steps}: ${await compare(executor, requests, numSequences)}`,
      );
    }
  }
}
await (shaped ?? pocket).close();

function createExecutor(modelDir: string): Promise<Executor> {
  const cacheDir = `${root}.sluice/cache`;
  const pool = { blockSize: usualBlockSize.cpu, numBlocks: 4096 / usualBlockSize.cpu, maxModelLen: 1024 };
  return createCpuExecutor({ modelDir, precision: precision as "int8", numThreads: 1, cacheDir, ...pool });
}

async function toRequests(workload: Workload): Promise<readonly GenerationRequest[]> {
  const { temperature, maxTokens, grammar } = workload;
  const grammarId = grammar === undefined ? undefined : local.compile(grammar);
  return Promise.all(
    workload.prompts.map(async (content, index) => {
      const text = model.chatTemplate?.render([{ role: "user", content }], model.tokenizer.controlText) ?? content;
      return {
        sequenceId: index as SequenceId,
        promptTokenIds: await model.tokenizer.encodeRendered(text),
        sampling: { temperature, topP: 1, topK: 0, seed: index },
        stopping: { maxTokens, stopTokenIds: grammar === undefined ? model.stopTokenIds : [] },
        priority: 0,
        cacheSalt: "",
        tenant: "",
        grammar: grammarId,
      };
    }),
  );
}

/** The rate without, how many times that it is with, and how often guesses came true. */
async function compare(
  executor: Executor,
  requests: readonly GenerationRequest[],
  numSequences: number,
): Promise<string> {
  const rounds = [];
  for (let round = 0; round < Number(args.rounds); round += 1) {
    const plain = await decode(new Engine(executor, limits, false, local.grammars), requests, numSequences);
    const ahead = await decode(
      new Engine(executor, limits, false, local.grammars, speculation),
      requests,
      numSequences,
    );
    if (plain.outputs !== ahead.outputs) throw new Error("outputs differ");
    rounds.push({ plain, ahead, times: ahead.rate / plain.rate });
  }
  const rate = median(rounds.map(({ plain }) => plain.rate));
  const times = median(rounds.map((round) => round.times));
  const { draftTokens = 0, acceptedTokens = 0 } = rounds[0]?.ahead.totals ?? {};
  const numSteps = (rounds[0]?.ahead.numSteps ?? 0) / (rounds[0]?.plain.numSteps ?? 0);
  return (
    `${rate.toFixed(0)} tok/CPU-s, with guesses x ${times.toFixed(2)}; ${acceptedTokens} of ${draftTokens} came true, ` +
    `${(100 * numSteps).toFixed(0)} % of the steps`
  );
}

/** All requests, so many at a time. */
async function decode(engine: Engine, requests: readonly GenerationRequest[], numSequences: number) {
  let [numTokens, numSteps, spentMs] = [0, 0, 0];
  const outputs: string[] = [];
  for (let first = 0; first < requests.length; first += numSequences) {
    for (const request of requests.slice(first, first + numSequences)) engine.add(request);
    await runPrefill(engine);
    const startedMs = cpuMs() - (shaped?.writerMs ?? 0);
    for (; engine.hasWork; numSteps += 1) {
      for (const event of await engine.step()) {
        if (event.kind === "failed") throw new Error(event.detail);
        numTokens += event.tokenIds.length;
        outputs[event.sequenceId] = `${outputs[event.sequenceId] ?? ""} ${event.tokenIds.join(" ")}`.trim();
      }
    }
    spentMs += cpuMs() - (shaped?.writerMs ?? 0) - startedMs;
  }
  const { totals } = engine.load();
  return { rate: (numTokens * 1e3) / spentMs, numTokens, numSteps, totals, outputs: outputs.join("\n") };
}
