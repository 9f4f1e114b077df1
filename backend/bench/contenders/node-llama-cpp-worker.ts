// The process around node-llama-cpp: jobs come as messages, tokens go back as messages, those of one turn of the event loop
// together. The package is no dependency of the project, so what is used of it is described here.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Job, Setup } from "./contender.ts";

export interface WorkerSetup extends Omit<Setup, "precision"> {
  readonly packageDir: string;
  readonly gguf: string;
}

export interface WorkerJob extends Job {
  readonly id: number;
}

export type FromWorker =
  | { readonly kind: "ready" }
  // [job id, token id], in order
  | { readonly kind: "tokens"; readonly tokens: readonly (readonly [number, number])[] }
  | { readonly kind: "ended"; readonly id: number; readonly error?: string };

interface LlamaSequence {
  readonly contextTokens: readonly number[];
  eraseContextTokenRanges(ranges: readonly { readonly start: number; readonly end: number }[]): Promise<void>;
  evaluate(tokens: readonly number[], options: object): AsyncIterable<number>;
}

interface NodeLlamaCpp {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      createContext(options: object): Promise<{ getSequence(): LlamaSequence }>;
    }>;
  }>;
}

/** Jobs that come within so long of each other are started together. */
const quietMs = 50;

const setup = JSON.parse(process.argv[2] ?? "") as WorkerSetup;
const { numThreads, numSequences } = setup;
const entry = join(setup.packageDir, "node_modules/node-llama-cpp/dist/index.js");
const library = (await import(pathToFileURL(entry).href)) as NodeLlamaCpp;
// Neither compiles anything nor asks the network for a binary: what npm brought is what runs.
const llama = await library.getLlama({ gpu: false, build: "never", skipDownload: true, maxThreads: numThreads });
const model = await llama.loadModel({ modelPath: setup.gguf });
const context = await model.createContext({
  sequences: numSequences,
  contextSize: setup.maxSequenceTokens,
  // So that a prompt is not cut into more pieces than the other contenders cut it into.
  batchSize: 512,
  threads: { ideal: numThreads, min: numThreads },
});
const slots = Array.from({ length: numSequences }, () => context.getSequence());

let pending: [number, number][] = [];
let waiting: WorkerJob[] = [];
let timer: NodeJS.Timeout | undefined;
process.on("message", (job: WorkerJob) => {
  waiting.push(job);
  clearTimeout(timer);
  timer = setTimeout(startWaiting, quietMs);
});
process.once("disconnect", () => process.exit());
send({ kind: "ready" });

/**
 * Starts what has come together. Who evaluates while others are still being cleared would run ahead of them: to clear a slot
 * waits for a whole batch.
 */
function startWaiting(): void {
  const jobs = waiting;
  waiting = [];
  const cleared = Promise.all(jobs.map(clear));
  for (const [index, job] of jobs.entries()) {
    cleared
      .then((numsKept) => evaluate(job, numsKept[index] ?? 0))
      .then(
        () => sendAfterTokens({ kind: "ended", id: job.id }),
        (error: unknown) => sendAfterTokens({ kind: "ended", id: job.id, error: String(error) }),
      );
  }
}

function slotOf({ slot }: WorkerJob): LlamaSequence {
  const sequence = slots[slot];
  if (sequence === undefined) throw new Error(`no slot ${slot}`);
  return sequence;
}

/** Leaves in the job's slot what its prompt begins with, and returns how many tokens that are. */
async function clear(job: WorkerJob): Promise<number> {
  const sequence = slotOf(job);
  const { promptTokenIds } = job;
  const known = sequence.contextTokens;
  let numKept = 0;
  // The last token is computed in any case: its logits are wanted.
  while (numKept < promptTokenIds.length - 1 && known[numKept] === promptTokenIds[numKept]) numKept += 1;
  if (numKept < known.length) await sequence.eraseContextTokenRanges([{ start: numKept, end: known.length }]);
  return numKept;
}

async function evaluate(job: WorkerJob, numKept: number): Promise<void> {
  const options = { temperature: 0, yieldEogToken: true };
  let numTokens = 0;
  for await (const tokenId of slotOf(job).evaluate(job.promptTokenIds.slice(numKept), options)) {
    keep(job.id, tokenId);
    numTokens += 1;
    if (numTokens === job.maxTokens) return;
  }
  throw new Error(`ended after ${numTokens} tokens`);
}

function keep(id: number, tokenId: number): void {
  if (pending.length === 0) setImmediate(flush);
  pending.push([id, tokenId]);
}

function flush(): void {
  if (pending.length === 0) return;
  const tokens = pending;
  pending = [];
  send({ kind: "tokens", tokens });
}

function sendAfterTokens(message: FromWorker): void {
  flush();
  send(message);
}

function send(message: FromWorker): void {
  process.send?.(message);
}
