// Test support: one sequence that feeds an executor step by step.
import { seededRandom } from "@sluice/shared/test-data/seeded-random.ts";
import type { BlockId } from "#engine/kv/block-id.ts";
import type { Executor, ScheduledSequence } from "./executor.ts";

export class TestSequence {
  readonly tokens: number[];
  readonly blockTable: readonly BlockId[];
  numComputed = 0;

  constructor(prompt: readonly number[], blockTable: readonly number[]) {
    this.tokens = [...prompt];
    this.blockTable = blockTable as readonly BlockId[];
  }

  /** The next at most `maxTokens` tokens not yet computed; their logits are always wanted. */
  schedule(maxTokens: number): ScheduledSequence {
    const tokenIds = this.tokens.slice(this.numComputed, this.numComputed + maxTokens);
    return { tokenIds, numComputedTokens: this.numComputed, blockTable: this.blockTable, numLogits: 1 };
  }

  /** Takes note of a step; once the prompt is done, the likeliest token follows. */
  advance(numTokens: number, logits: Float32Array): void {
    this.numComputed += numTokens;
    if (this.numComputed === this.tokens.length) this.tokens.push(likeliest(logits));
  }
}

/** The `numTokens` tokens that follow `prompt`, computed alone, the prompt in chunks of `chunkTokens`. */
export async function generate(
  executor: Executor,
  prompt: readonly number[],
  blockTable: readonly number[],
  { numTokens, chunkTokens = Infinity }: { readonly numTokens: number; readonly chunkTokens?: number },
): Promise<readonly number[]> {
  const sequence = new TestSequence(prompt, blockTable);
  while (sequence.tokens.length < prompt.length + numTokens) {
    const scheduled = sequence.schedule(chunkTokens);
    sequence.advance(scheduled.tokenIds.length, await executor.execute([scheduled]));
  }
  return sequence.tokens.slice(prompt.length);
}

function likeliest(logits: Float32Array): number {
  return logits.reduce((best, logit, id) => (logit > (logits[best] ?? -Infinity) ? id : best), 0);
}

/** `length` distinct blocks of a pool, in an order that looks random but is always the same for a seed. */
export function shuffledBlocks(numBlocks: number, seed: number): number[] {
  const random = seededRandom(seed);
  const blocks = Array.from({ length: numBlocks }, (_, block) => block);
  for (let i = numBlocks - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [blocks[i], blocks[j]] = [blocks[j] ?? 0, blocks[i] ?? 0];
  }
  return blocks;
}
