import { AppError } from "@sluice/shared/errors.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { GenerationEvent, TextPiece, TokenUsage } from "#ingress/generation/generation.ts";

/** A tool call that is whole. */
interface WholeCall {
  readonly name: string;
  /** JSON, unless the length cut it off. */
  readonly argumentsText: string;
}

/** A choice that is whole. */
export interface WholeChoice extends TextPiece {
  /** What the model thought; empty when it did not. */
  readonly reasoning: string;
  readonly calls: readonly WholeCall[];
  readonly finishReason: CompletionFinishReason;
  /** As in `GenerationEvent`. */
  readonly meanLogprob: number | undefined;
}

interface Collected {
  /** In the order of their indexes, of which `count` are expected. */
  readonly choices: readonly WholeChoice[];
  readonly usage: TokenUsage;
}

/** All choices, once everything is there. */
export async function collectChoices(
  batches: AsyncIterable<readonly GenerationEvent[]>,
  count: number,
): Promise<Collected> {
  const pieces = Array.from({ length: count }, (): Piece[] => []);
  const calls = Array.from({ length: count }, (): MutableCall[] => []);
  const ends = new Map<number, Extract<GenerationEvent, { kind: "end" }>>();
  let usage: TokenUsage | undefined;
  for await (const events of batches) {
    for (const event of events) {
      switch (event.kind) {
        case "text":
        case "reasoning":
          pieces[event.index]?.push(event);
          break;
        case "callStart":
          calls[event.index]?.push({ name: event.name, argumentsText: "" });
          break;
        case "callArguments":
          extend(calls[event.index]?.[event.call], event.text);
          break;
        case "end":
          ends.set(event.index, event);
          break;
        case "usage":
          usage = event.usage;
      }
    }
  }
  if (usage === undefined) throw new AppError("internal_error", { detail: "the generation ended without its usage" });
  const choices = pieces.map((ofChoice, index) => {
    const end = ends.get(index);
    if (end === undefined) throw new AppError("internal_error", { detail: `choice ${index} has no end` });
    return {
      ...join(ofChoice),
      calls: calls[index] ?? [],
      finishReason: end.finishReason,
      meanLogprob: end.meanLogprob,
    };
  });
  return { choices, usage };
}

type Piece = Extract<GenerationEvent, { kind: "text" | "reasoning" }>;

interface MutableCall {
  readonly name: string;
  argumentsText: string;
}

function extend(call: MutableCall | undefined, text: string): void {
  if (call === undefined) throw new AppError("internal_error", { detail: "arguments of a call that did not begin" });
  call.argumentsText += text;
}

function join(pieces: readonly Piece[]): TextPiece & { readonly reasoning: string } {
  const textOf = (wanted: Piece["kind"]): string =>
    pieces.map(({ kind, text }) => (kind === wanted ? text : "")).join("");
  const hasTokens = pieces.some((piece) => piece.tokens !== undefined);
  const hasIds = pieces.some((piece) => piece.tokenIds !== undefined);
  return {
    text: textOf("text"),
    reasoning: textOf("reasoning"),
    tokens: hasTokens ? pieces.flatMap((piece) => piece.tokens ?? []) : undefined,
    tokenIds: hasIds ? pieces.flatMap((piece) => piece.tokenIds ?? []) : undefined,
  };
}
