// Whether the contenders compute the same model: greedy tokens of the same prompts, in the most exact form each has.
import type { Contender } from "../contenders/contender.ts";
import { drawPrompt } from "../workload.ts";
import { runOut } from "./prefill-and-decode.ts";

export interface Conformance {
  readonly contender: string;
  /** Of each prompt: how many of the first tokens are those of the first contender. */
  readonly agreeing: readonly number[];
  readonly numTokens: number;
}

const numPrompts = 4;
const promptTokens = 32;
const numTokens = 16;

/** What the first contender says is what the others are compared with. */
export async function compareTokens(
  contenders: readonly Contender[],
  vocabSize: number,
): Promise<readonly Conformance[]> {
  const setup = {
    precision: "fp16",
    numThreads: 1,
    numSequences: 1,
    maxSequenceTokens: promptTokens + numTokens,
  } as const;
  const answers: (readonly (readonly number[])[])[] = [];
  for (const contender of contenders) {
    const running = await contender.start(setup);
    const read: (readonly number[])[] = [];
    try {
      for (let prompt = 0; prompt < numPrompts; prompt++) {
        const promptTokenIds = drawPrompt(`same.${prompt}`, promptTokens, vocabSize);
        read.push(await runOut(running, { slot: 0, promptTokenIds, maxTokens: numTokens }));
      }
    } finally {
      await running.stop();
    }
    answers.push(read);
  }
  const [expected = []] = answers;
  return contenders.map(({ name }, index) => ({
    contender: name,
    agreeing: expected.map((tokens, prompt) => commonPrefix(tokens, answers[index]?.[prompt] ?? [])),
    numTokens,
  }));
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((token, index) => token !== b[index]);
  return differs === -1 ? a.length : differs;
}
