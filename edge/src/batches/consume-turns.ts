// The consumer of the batches' queue, and of its dead letters.
import type { Logger } from "#edge/logger.ts";
import type { BatchRunners } from "./batch-runners.ts";
import { batchTurnSchema } from "./batch-turn.ts";

/** Between two tries of a turn; doubled each time. */
const firstDelayS = 5;
const maxDelayS = 300;

/** Never rejects: a turn that fails is tried again by itself. */
export async function consumeTurns(batch: MessageBatch, runners: BatchRunners, log: Logger): Promise<void> {
  await Promise.all(batch.messages.map(async (message) => takeTurn(message, runners, log)));
}

/** A batch whose turns died is not lost: its object sends them again. */
export function noteDeadTurns(batch: MessageBatch, log: Logger): void {
  for (const { body } of batch.messages) log.error("turn of a batch died", { turn: body });
}

async function takeTurn(message: Message, runners: BatchRunners, log: Logger): Promise<void> {
  const turn = batchTurnSchema.safeParse(message.body);
  if (!turn.success) {
    log.error("turn of an unknown form dropped", { messageId: message.id });
    return;
  }
  try {
    await runners.work(turn.data);
  } catch (thrown) {
    log.error("turn of a batch to be tried again", { ...turn.data, errorDetail: String(thrown) });
    message.retry({ delaySeconds: Math.min(maxDelayS, firstDelayS * 2 ** (message.attempts - 1)) });
  }
}
