// What quantization costs in quality: int8 and int4 against fp32 on answers the model was not trained on. Every precision
// reads the same prompts and the same right answers, token by token; compared are the likeliest token at each place and
// the perplexity of the answer.
//
//   node backend/bench/quantization.ts [--model dir] [--limit examples]
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Template } from "@huggingface/jinja";
import { Tokenizer } from "tokenizers";
import { createCpuExecutor } from "#engine/executor/cpu-executor.ts";
import type { Executor } from "#engine/executor/executor.ts";
import type { Precision } from "#engine/graph/linear.ts";
import type { BlockId } from "#engine/kv/block-id.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { usualBlockSize } from "#rpc/config.ts";

const { values: args } = parseArgs({
  options: {
    model: { type: "string", default: fileURLToPath(new URL("../../models/pocket", import.meta.url)) },
    limit: { type: "string", default: "1000000" },
  },
});

interface HeldOutLine {
  readonly task: string;
  readonly messages: readonly object[];
  readonly tools?: readonly object[];
  readonly answer: string;
}

interface Example {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

/** One place of an answer, as one precision sees it. */
interface Place {
  readonly likeliest: number;
  /** Minus the natural logarithm of the right token's probability. */
  readonly loss: number;
}

const blockSize = usualBlockSize.cpu;
/** Sequences that go through the answers together. */
const batchSize = 32;
const precisions: readonly Precision[] = ["fp32", "int8", "int4"];

const examples = await readExamples(args.model, Number(args.limit));
const places = new Map<Precision, readonly Place[]>();
for (const precision of precisions) places.set(precision, await readAnswers(precision));
report();

async function readExamples(modelDir: string, limit: number): Promise<readonly Example[]> {
  const tokenizer = Tokenizer.fromFile(join(modelDir, "tokenizer.json"));
  const config = JSON.parse(await readFile(join(modelDir, "tokenizer_config.json"), "utf8")) as Record<string, unknown>;
  const template = new Template(String(config["chat_template"]));
  const endOfTurn = String(config["eos_token"]);
  const encode = async (text: string) => (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds();

  const lines = (await readFile(join(modelDir, "held-out.jsonl"), "utf8")).trim().split("\n").slice(0, limit);
  return Promise.all(
    lines.map(async (line) => {
      const { messages, tools, answer } = JSON.parse(line) as HeldOutLine;
      const rendered = template.render({ messages, ...(tools ? { tools } : {}), add_generation_prompt: true });
      return { prompt: await encode(rendered), answer: await encode(answer + endOfTurn) };
    }),
  );
}

/** The places of all answers, in the order of the examples. */
async function readAnswers(precision: Precision): Promise<readonly Place[]> {
  const longest = Math.max(...examples.map(({ prompt, answer }) => prompt.length + answer.length));
  const blocksEach = Math.ceil(longest / blockSize);
  await using cache = await temporaryFolder();
  const executor = await createCpuExecutor({
    modelDir: args.model,
    precision,
    blockSize,
    numBlocks: batchSize * blocksEach,
    numThreads: 1,
    cacheDir: cache.path,
  });
  try {
    const read: Place[] = [];
    for (let start = 0; start < examples.length; start += batchSize) {
      read.push(...(await readTogether(executor, examples.slice(start, start + batchSize), blocksEach)));
    }
    return read;
  } finally {
    await executor.close();
  }
}

async function readTogether(executor: Executor, batch: readonly Example[], blocksEach: number): Promise<Place[]> {
  const { vocabSize } = executor.spec;
  const readers = batch.map((example, index) => ({
    ...example,
    blockTable: Array.from({ length: blocksEach }, (_, block) => (index * blocksEach + block) as BlockId),
    places: [] as Place[],
  }));
  for (;;) {
    const active = readers.filter((reader) => reader.places.length < reader.answer.length);
    if (active.length === 0) return readers.flatMap((reader) => reader.places);
    const logits = await executor.execute(
      active.map(({ prompt, answer, blockTable, places: seen }) => ({
        tokenIds: seen.length === 0 ? prompt : answer.slice(seen.length - 1, seen.length),
        numComputedTokens: seen.length === 0 ? 0 : prompt.length + seen.length - 1,
        blockTable,
        numLogits: 1,
      })),
    );
    for (const [row, reader] of active.entries()) {
      const right = reader.answer[reader.places.length] ?? 0;
      reader.places.push(judge(logits.subarray(row * vocabSize, (row + 1) * vocabSize), right));
    }
  }
}

function judge(logits: Float32Array, right: number): Place {
  let likeliest = 0;
  for (let id = 1; id < logits.length; id++) if ((logits[id] ?? 0) > (logits[likeliest] ?? 0)) likeliest = id;
  const greatest = logits[likeliest] ?? 0;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - greatest);
  return { likeliest, loss: greatest + Math.log(sum) - (logits[right] ?? 0) };
}

function report(): void {
  const exact = places.get("fp32") ?? [];
  print(`${examples.length} held-out examples, ${exact.length} answer tokens, ${args.model}`);
  print("precision   perplexity   top-1 agreement with fp32");
  for (const [precision, seen] of places) {
    const perplexity = Math.exp(seen.reduce((sum, { loss }) => sum + loss, 0) / seen.length);
    const agreeing = seen.filter(({ likeliest }, index) => likeliest === exact[index]?.likeliest).length;
    const agreement = `${((100 * agreeing) / seen.length).toFixed(2)} %`;
    print(`${precision.padEnd(9)}   ${perplexity.toFixed(4).padStart(10)}   ${agreement.padStart(12)}`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
