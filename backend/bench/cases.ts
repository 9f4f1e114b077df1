import type { Engine } from "#engine/engine.ts";
import { measure, type Rate } from "./measure.ts";
import { logNormalLengths, type Lengths, makeRequest, runPrefill, runToEnd } from "./workload.ts";

/** One row of the table; every run is one round. */
export interface Case {
  readonly name: string;
  readonly run: () => Promise<Rate>;
}

export const NUM_SLOTS = 32;
export const PROMPT_TOKENS = 256;
export const DECODE_TOKENS = 128;
/** Of continuous and static batching: outputs with a median of 64 tokens and a long tail. */
export const OUTPUT_LENGTHS = logNormalLengths(4 * NUM_SLOTS, 64, 0.8, 512);
const SHORT_PROMPT_TOKENS = 32;

/** Computes prompts; each sequence ends with its first token. */
export function prefillCase(engine: Engine, numSequences: number): Case {
  const run = (): Promise<Rate> => {
    addMany(engine, numSequences, { numPromptTokens: PROMPT_TOKENS, maxTokens: 1 });
    return measure(
      () => engine.load().totals.promptTokens,
      () => runToEnd(engine),
    );
  };
  return { name: `prefill ${numSequences} x ${PROMPT_TOKENS}`, run };
}

/** Decodes side by side; the clock starts when every prompt is computed. */
export function decodeCase(engine: Engine, numSequences: number): Case {
  const run = async (): Promise<Rate> => {
    addMany(engine, numSequences, { numPromptTokens: PROMPT_TOKENS, maxTokens: DECODE_TOKENS });
    await runPrefill(engine);
    return measure(
      () => engine.load().totals.generationTokens,
      () => runToEnd(engine),
    );
  };
  return { name: `decode ${numSequences}`, run };
}

/** A slot is filled again as soon as it is free. */
export function continuousCase(engine: Engine): Case {
  return { name: "continuous batching", run: () => generate(engine, [OUTPUT_LENGTHS]) };
}

/** The next batch starts when the longest of the last is done: the caller's policy, over the same engine. */
export function staticCase(engine: Engine): Case {
  const batches = Array.from({ length: OUTPUT_LENGTHS.length / NUM_SLOTS }, (_, index) =>
    OUTPUT_LENGTHS.slice(index * NUM_SLOTS, (index + 1) * NUM_SLOTS),
  );
  return { name: "static batching", run: () => generate(engine, batches) };
}

/** Output tokens per second over all batches, prompts included in the time. */
function generate(engine: Engine, batches: readonly (readonly number[])[]): Promise<Rate> {
  return measure(
    () => engine.load().totals.generationTokens,
    async () => {
      for (const batch of batches) {
        for (const maxTokens of batch) addMany(engine, 1, { numPromptTokens: SHORT_PROMPT_TOKENS, maxTokens });
        await runToEnd(engine);
      }
    },
  );
}

function addMany(engine: Engine, count: number, lengths: Lengths): void {
  for (let n = 0; n < count; n += 1) {
    const admission = engine.add(makeRequest(lengths, engine.spec.vocabSize));
    if (!admission.admitted) throw new Error(admission.detail);
  }
}
