import type { GenerationEvent, TextPiece } from "#ingress/generation/generation.ts";
import type { ReplyShape } from "./reply-shape.ts";

/** The whole answer, once everything is there. */
export async function jsonReply(events: AsyncIterable<GenerationEvent>, shape: ReplyShape): Promise<unknown> {
  const pieces: TextPiece[] = [];
  let whole: unknown;
  for await (const event of events) {
    if (event.kind === "text") pieces.push(event);
    else whole = shape.whole(join(pieces), event.finishReason, event.usage);
  }
  return whole;
}

function join(pieces: readonly TextPiece[]): TextPiece {
  const text = pieces.map((piece) => piece.text).join("");
  const hasTokens = pieces.some((piece) => piece.tokens !== undefined);
  return { text, tokens: hasTokens ? pieces.flatMap((piece) => piece.tokens ?? []) : undefined };
}
