import { AppError } from "@sluice/shared/errors.ts";
import type { InputItem } from "@sluice/shared/openai/response-input.ts";
import type { ResponseRequest } from "@sluice/shared/openai/response-request.ts";
import { draftChat } from "#ingress/chat/plan-chat.ts";
import { renameParams } from "#ingress/chat/rename-params.ts";
import type { Exchange } from "#ingress/exchange.ts";
import type { GenerationPlan } from "#ingress/generation/generation.ts";
import { assertReserved } from "#ingress/generation/reserved-output.ts";
import type { Region } from "#ingress/region.ts";
import { toChatRequest } from "./chat-request.ts";
import { responseNames } from "./param-names.ts";
import { requestItems } from "./request-items.ts";
import { turnStarts } from "./turn-starts.ts";

/** Room for an answer, in tokens, that a conversation is cut for when the request does not say how long it may be. */
const leastOutput = 64;

/**
 * A response as a plan. With `truncation: "auto"` as many of the oldest turns are left out as must be for the prompt, and the
 * output that was asked for, to fit.
 */
export async function planResponse(
  request: ResponseRequest,
  region: Region,
  exchange: Exchange,
): Promise<GenerationPlan> {
  const items = requestItems(request.input);
  const isCutToFit = request.truncation === "auto";
  const isOpenEnded = typeof request.max_output_tokens !== "number";
  const draft = async (from: number): Promise<GenerationPlan> => {
    const plan = await draftChat(toChatRequest(request, withoutTurnsBefore(items, from)), region, exchange);
    if (isCutToFit && isOpenEnded && plan.maxTokens < leastOutput) throw new AppError("context_length_exceeded");
    return plan;
  };
  try {
    const plan = await draft(0).catch(async (thrown: unknown) => {
      if (!isCutToFit || !isTooLong(thrown)) throw thrown;
      return longestFitting(turnStarts(items), draft, thrown);
    });
    assertReserved([plan], plan.n, exchange);
    return plan;
  } catch (thrown) {
    throw renameParams(thrown, responseNames);
  }
}

/** Halves the candidates until the first that fits is found: what is shorter than one that fits, fits. */
async function longestFitting(
  starts: readonly number[],
  draft: (from: number) => Promise<GenerationPlan>,
  tooLong: unknown,
): Promise<GenerationPlan> {
  let best: GenerationPlan | undefined;
  let failure = tooLong;
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    try {
      best = await draft(starts[middle] ?? 0);
      high = middle;
    } catch (thrown) {
      if (!isTooLong(thrown)) throw thrown;
      failure = thrown;
      low = middle + 1;
    }
  }
  if (best === undefined) throw failure;
  return best;
}

function isTooLong(thrown: unknown): boolean {
  return thrown instanceof AppError && thrown.code === "context_length_exceeded";
}

/** What a system or developer message says holds for the whole conversation, wherever it stands. */
function withoutTurnsBefore(items: readonly InputItem[], from: number): InputItem[] {
  return items.filter((item, index) => index >= from || isLasting(item));
}

function isLasting(item: InputItem): boolean {
  return item.type === "message" && (item.role === "system" || item.role === "developer");
}
