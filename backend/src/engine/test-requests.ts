// Requests for tests of the engine, and what came of them.
import { Engine } from "./engine.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";
import type { GenerationRequest, SequenceEvent } from "./generation.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";

export const limits = { maxNumBatchedTokens: 32, maxNumSeqs: 8, maxQueuedRequests: 64, maxQueuedTokens: 10_000 };
const greedy = { temperature: 0, topP: 1, topK: 0, seed: 0 };

/** A greedy request. */
export function request(id: number, promptTokenIds: readonly number[], maxTokens: number): GenerationRequest {
  const stopping = { maxTokens, stopTokenIds: [] };
  return {
    sequenceId: id as SequenceId,
    promptTokenIds,
    sampling: greedy,
    stopping,
    priority: 0,
    cacheSalt: "",
    tenant: "",
  };
}

/** A request for an embedding. */
export function embeddingRequest(
  id: number,
  promptTokenIds: readonly number[],
  numDimensions?: number,
): GenerationRequest {
  return { ...request(id, promptTokenIds, 0), embedding: { numDimensions } };
}

/** The tokens 0, 1, 2, … */
export function upTo(length: number): number[] {
  return [...Array(length).keys()];
}

export interface Answer {
  readonly id: number;
  readonly tokenIds: number[];
  last: SequenceEvent;
}

/** One entry a sequence, in order of first appearance. @throws when something is said of one that ended. */
export function answersOf(events: readonly SequenceEvent[]): Answer[] {
  const answers = new Map<number, Answer>();
  for (const event of events) {
    const answer = answers.get(event.sequenceId) ?? { id: event.sequenceId, tokenIds: [], last: event };
    if (answers.has(event.sequenceId) && answer.last.kind !== "tokens") throw new Error("an event after the end");
    if (event.kind !== "failed") answer.tokenIds.push(...event.tokenIds);
    answer.last = event;
    answers.set(event.sequenceId, answer);
  }
  return [...answers.values()];
}

/** Steps until nothing is left to do; one entry a sequence, by id. */
export async function runToEnd(engine: Engine): Promise<Answer[]> {
  const events: SequenceEvent[] = [];
  while (engine.hasWork) events.push(...(await engine.step()));
  return answersOf(events).toSorted((a, b) => a.id - b.id);
}

/** What an engine gives that has nothing else to do. */
export async function generateAlone(only: GenerationRequest, spec = {}): Promise<number[]> {
  const engine = new Engine(new FakeExecutor({ ...spec, numBlocks: 64 }), limits);
  engine.add(only);
  const [answer] = await runToEnd(engine);
  return answer?.tokenIds ?? [];
}
