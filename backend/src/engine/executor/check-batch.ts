import type { ExecutorSpec, ScheduledSequence } from "./executor.ts";

/** Native kernels trust indexes that JavaScript must not: a wrong one would read another request's memory, or none. */
export function checkBatch(batch: readonly ScheduledSequence[], spec: ExecutorSpec): void {
  if (batch.length === 0) throw new RangeError("an empty batch");
  for (const [index, sequence] of batch.entries()) {
    const fault = findFault(sequence, spec);
    if (fault !== undefined) throw new RangeError(`sequence ${index} of the batch: ${fault}`);
  }
}

function findFault(sequence: ScheduledSequence, spec: ExecutorSpec): string | undefined {
  const { tokenIds, numComputedTokens, blockTable, numLogits, hiddenStates = [] } = sequence;
  if (tokenIds.length === 0) return "no tokens";
  if (!isIndex(numLogits, tokenIds.length + 1)) return `${numLogits} logits of ${tokenIds.length} tokens`;
  if (hiddenStates.length > tokenIds.length) return `${hiddenStates.length} hidden states of ${tokenIds.length} tokens`;
  const size = spec.embedding?.size ?? 0;
  if (hiddenStates.some(({ length }) => length !== size)) return `hidden states not of ${size} numbers`;
  if (!isIndex(numComputedTokens, spec.maxModelLen)) return `${numComputedTokens} computed tokens`;
  const length = numComputedTokens + tokenIds.length;
  if (length > spec.maxModelLen) return `${length} tokens exceed ${spec.maxModelLen}`;
  const numBlocks = Math.ceil(length / spec.blockSize);
  if (blockTable.length < numBlocks) return `${blockTable.length} blocks for ${length} tokens`;
  for (let i = 0; i < numBlocks; i++) {
    if (!isIndex(blockTable[i], spec.numBlocks)) return `block ${blockTable[i]} of ${spec.numBlocks}`;
  }
  for (const tokenId of tokenIds) {
    if (!isIndex(tokenId, spec.vocabSize)) return `token id ${tokenId} of ${spec.vocabSize}`;
  }
  return undefined;
}

function isIndex(value: number | undefined, count: number): boolean {
  return Number.isInteger(value) && value !== undefined && value >= 0 && value < count;
}
