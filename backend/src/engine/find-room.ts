import type { Forks } from "./forks.ts";
import type { GenerationRequest, Refusal } from "./generation.ts";
import type { LiveGeneration } from "./live-generation.ts";
import type { NoRoom, RoomAnswer } from "./scheduler/queue-shares.ts";
import type { Scheduler, WaitingRequest } from "./scheduler/scheduler.ts";

/** What an engine's waiting requests are weighed by. */
interface Weighed {
  readonly scheduler: Scheduler;
  readonly forks: Forks<LiveGeneration>;
  /** All sequences, held forks included. */
  readonly numLive: number;
  readonly tileSize: number;
}

/** Whether the waiting queue has room for the request with its forks, and who has to go for it. Changes nothing. */
export function findRoom(
  { promptTokenIds, tenant, priority, forkIds = [] }: GenerationRequest,
  { scheduler, forks, numLive, tileSize }: Weighed,
): RoomAnswer<WaitingRequest> {
  const numHeld = numLive - scheduler.numRunning - scheduler.numWaiting;
  // What a fork computes itself is what is behind the prompt's last full tile, and its first token.
  const forkTokens = (numPromptTokens: number, numForks: number): number =>
    numForks * ((numPromptTokens % tileSize) + 1);
  const { length } = promptTokenIds;
  const numTokens = length + forkTokens(length, forkIds.length);
  const asked = { tenant, priority, numSequences: 1 + forkIds.length, numTokens };
  return scheduler.findRoom(asked, numHeld, ({ id, numPromptTokens, numQueuedTokens }) => {
    const numForks = forks.count(id);
    return { numSequences: 1 + numForks, numTokens: numQueuedTokens + forkTokens(numPromptTokens, numForks) };
  });
}

/** Why there is no room. */
export function noRoom({ kind }: NoRoom): Refusal {
  if (kind === "full") return { admitted: false, code: "server_is_overloaded", detail: "the waiting queue is full" };
  const detail = "the waiting queue is full, and the tenant has its share of it";
  return { admitted: false, code: "rate_limit_exceeded", detail };
}
