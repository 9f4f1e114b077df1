// A batch as the tensors that graph/paged-step-inputs.ts declares, apart from the pool.
import { Tensor } from "onnxruntime-node";
import type { ScheduledSequence } from "#engine/executor/executor.ts";

/** Input name -> tensor. */
export type PagedFeeds = Readonly<Record<string, Tensor>>;

/**
 * Logit rows come in the order of the batch: a sequence's wanted logits, then the row behind its candidates. So do the rows of
 * hidden states.
 *
 * @param batch checked: the kernel trusts the lengths and blocks.
 */
export function layPagedFeeds(batch: readonly ScheduledSequence[], blockSize: number): PagedFeeds {
  const cumulativeLengths = [0];
  const logitRows: number[] = [];
  const inverseTemperatures: number[] = [];
  const hiddenRows: number[] = [];
  let mostNew = 0;
  let mostTokens = 0;
  let numTokens = 0;
  for (const { tokenIds, numComputedTokens, numLogits, hiddenStates = [], candidates } of batch) {
    numTokens += tokenIds.length;
    cumulativeLengths.push(numTokens);
    for (let back = numLogits; back > 0; back--) {
      logitRows.push(numTokens - back);
      inverseTemperatures.push(1);
    }
    if (candidates !== undefined) {
      logitRows.push(numTokens - 1);
      inverseTemperatures.push(candidates.temperature > 0 ? 1 / candidates.temperature : 1);
    }
    for (const index of hiddenStates.keys()) hiddenRows.push(numTokens - hiddenStates.length + index);
    mostNew = Math.max(mostNew, tokenIds.length);
    mostTokens = Math.max(mostTokens, numComputedTokens + tokenIds.length);
  }
  const tokenIds = batch.flatMap((sequence) => sequence.tokenIds);
  const positions = batch.flatMap((sequence) =>
    sequence.tokenIds.map((_, index) => BigInt(sequence.numComputedTokens + index)),
  );
  const pastLengths = batch.map(({ numComputedTokens }) => numComputedTokens);
  return {
    tokenIds: int32(tokenIds),
    positions: new Tensor("int64", BigInt64Array.from(positions), [1, numTokens]),
    // A graph without rows would be one without logits: a row that nobody asked for is dropped after the run.
    logitRows: int32(logitRows.length > 0 ? logitRows : [0]),
    inverseTemperatures: new Tensor(
      "float32",
      Float32Array.from(inverseTemperatures.length > 0 ? inverseTemperatures : [1]),
      [Math.max(1, inverseTemperatures.length), 1],
    ),
    hiddenRows: int32(hiddenRows.length > 0 ? hiddenRows : [0]),
    cumulativeLengths: int32(cumulativeLengths),
    pastLengths: int32(pastLengths),
    blockTable: layBlockTable(batch, Math.ceil(mostTokens / blockSize)),
    bounds: int32([mostNew, mostTokens]),
  };
}

/** Rows are filled up with block 0, which is never read: a row's length says where it ends. */
function layBlockTable(batch: readonly ScheduledSequence[], mostBlocks: number): Tensor {
  const table = new Int32Array(batch.length * mostBlocks);
  for (const [row, { blockTable }] of batch.entries()) table.set(blockTable.slice(0, mostBlocks), row * mostBlocks);
  return new Tensor("int32", table, [batch.length, mostBlocks]);
}

function int32(values: readonly number[]): Tensor {
  return new Tensor("int32", Int32Array.from(values), [values.length]);
}
