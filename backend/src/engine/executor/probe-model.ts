import { CheckpointError } from "#engine/graph/model-errors.ts";
import type { BlockId } from "#engine/kv/block-id.ts";
import type { Executor } from "./executor.ts";
import { NonFiniteStepError } from "./finite-check.ts";

/**
 * Computes one token, before anybody asks for one: a weight that is no number shows in what it gives, whatever matrix
 * it is in. (One in the embedding shows only when its token is asked for, and then ends that request alone.)
 *
 * @throws CheckpointError when what comes out is not finite.
 */
export async function probeModel(executor: Executor): Promise<void> {
  const blockTable = [0 as BlockId];
  try {
    const logits = await executor.execute([{ tokenIds: [0], numComputedTokens: 0, blockTable, numLogits: 1 }]);
    if (logits.every((logit) => Number.isFinite(logit))) return;
  } catch (thrown) {
    if (!(thrown instanceof NonFiniteStepError)) throw thrown;
  }
  throw new CheckpointError(
    "the model gives numbers that are not finite: its weights are damaged, or its config.json is another model's; download the checkpoint again",
  );
}
