import type { Logprobs, SequenceEvent } from "./generation.ts";

/** What is told of one sequence in one step, in as few events as tell it: those after the first are of further tokens. */
export function joinEvents(events: readonly SequenceEvent[]): readonly SequenceEvent[] {
  const [first, ...rest] = events;
  if (first === undefined || rest.length === 0) return events;
  const joined = [first];
  for (const event of rest) {
    const last = joined.at(-1);
    // What was sampled before a failure was sampled.
    if (last?.kind !== "tokens" || event.kind === "failed") {
      joined.push(event);
      continue;
    }
    const logprobs = joinLogprobs(last.logprobs, event.logprobs);
    const both = { ...last, ...event, tokenIds: [...last.tokenIds, ...event.tokenIds] };
    joined.splice(-1, 1, logprobs === undefined ? both : { ...both, logprobs });
  }
  return joined;
}

function joinLogprobs(a: Logprobs | undefined, b: Logprobs | undefined): Logprobs | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return { tokens: [...a.tokens, ...b.tokens], prompt: [...a.prompt, ...b.prompt] };
}
