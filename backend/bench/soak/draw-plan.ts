import { readFile } from "node:fs/promises";
import type { EmbedRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { chatMessageSchema, messageText } from "@sluice/shared/openai/chat-message.ts";
import * as z from "zod";
import { withToolCalls } from "#ingress/chat/old-functions.ts";
import type { GenerationPlan } from "#ingress/generation/generation.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";
import type { Dice } from "./dice.ts";
import { drawBinding } from "./draw-binding.ts";
import type { SoakPlan } from "./soak-plan.ts";

/** A prompt and its text. */
interface Prompt {
  readonly tokenIds: readonly number[];
  readonly text: string;
}

/** Short enough that some of them fit into the pool side by side, long enough to fill blocks. */
const maxPromptTokens = 400;
const maxOutputTokens = 80;
const tenants = ["org-a", "org-b", "org-c"];
/** Often enough in what the pocket model says. */
const stopStrings = [".", "an", "e ", "1", "the", ", ", "\n"];

const lineSchema = z.object({ messages: z.array(chatMessageSchema) });

/** The model's held-out prompts, rendered. @throws Error when none is short enough. */
export async function readPrompts(path: string, model: ServedModel): Promise<readonly Prompt[]> {
  const { chatTemplate, tokenizer } = model;
  if (chatTemplate === undefined) throw new Error("the soak needs a chat model");
  const prompts: Prompt[] = [];
  for (const line of (await readFile(path, "utf8")).trimEnd().split("\n")) {
    const parsed = lineSchema.safeParse(JSON.parse(line));
    // Some talk of tools, in the template's words and not the API's.
    if (!parsed.success) continue;
    const { messages } = parsed.data;
    const tokenIds = await tokenizer.encodeRendered(
      chatTemplate.render(withToolCalls(messages), tokenizer.controlText),
    );
    if (tokenIds.length <= maxPromptTokens) prompts.push({ tokenIds, text: messages.map(messageText).join("\n") });
  }
  if (prompts.length === 0) throw new Error(`${path}: every prompt is too long`);
  return prompts;
}

/** Any mixture of what a request can ask for, but always one whose answer is determined. */
export function drawPlan(dice: Dice, prompts: readonly Prompt[], model: ServedModel): SoakPlan {
  return dice.chance(0.12)
    ? { kind: "embedding", request: drawEmbedding(dice, prompts) }
    : { kind: "text", plan: drawGeneration(dice, prompts, model) };
}

function drawEmbedding(dice: Dice, prompts: readonly Prompt[]): EmbedRequest {
  const tenant = dice.pick(tenants);
  return {
    requestId: "",
    tokenIds: [...dice.pick(prompts).tokenIds],
    priority: dice.chance(0.2) ? dice.pick([-1, 1]) : 0,
    cacheSalt: tenant,
    tenant,
    ...(dice.chance(0.3) && { dimensions: dice.between(1, 32) }),
  };
}

function drawGeneration(
  dice: Dice,
  prompts: readonly Prompt[],
  { tokenizer, stopTokenIds, toolFormat }: ServedModel,
): GenerationPlan {
  const prompt = dice.pick(prompts);
  const isGreedy = dice.chance(0.4);
  const isPenalized = dice.chance(0.3);
  const logprobs = dice.chance(0.3) ? { numTop: dice.between(0, 5) } : undefined;
  const isScored = logprobs !== undefined && dice.chance(0.3);
  const maxTokens = isScored && dice.chance(0.3) ? 0 : dice.between(1, maxOutputTokens);
  const tenant = dice.pick(tenants);
  return {
    requestId: "",
    promptTokenIds: prompt.tokenIds,
    n: dice.chance(0.3) ? dice.between(2, 5) : 1,
    firstIndex: 0,
    isRanked: dice.chance(0.1),
    maxTokens,
    minTokens: dice.chance(0.2) ? dice.between(0, Math.min(8, maxTokens)) : 0,
    temperature: isGreedy ? 0 : 0.5 + dice.unit(),
    topP: dice.chance(0.5) ? 1 : 0.5 + dice.unit() / 2,
    topK: dice.chance(0.5) ? 0 : dice.between(1, 60),
    minP: dice.chance(0.3) ? dice.unit() / 5 : 0,
    presencePenalty: isPenalized ? dice.unit() * 2 - 0.5 : 0,
    frequencyPenalty: isPenalized ? dice.unit() : 0,
    repetitionPenalty: isPenalized ? 1 + dice.unit() / 2 : 1,
    logitBias: dice.chance(0.1)
      ? [{ tokenId: dice.between(0, tokenizer.vocabSize - 1), bias: dice.unit() * 20 - 10 }]
      : [],
    seed: dice.between(0, 2 ** 32),
    stopStrings: dice.chance(0.4) ? [dice.pick(stopStrings), dice.pick(stopStrings)] : [],
    stopTokenIds: dice.chance(0.5) ? stopTokenIds : [],
    logprobs,
    echo: isScored ? prompt.text : undefined,
    reasoning: undefined,
    returnsTokenIds: false,
    ...(dice.chance(0.25) ? drawBinding(dice, toolFormat) : { grammar: undefined, toolFormat: undefined }),
    priority: dice.chance(0.2) ? dice.pick([-1, 1]) : 0,
    cacheSalt: tenant,
    tenant,
  };
}
