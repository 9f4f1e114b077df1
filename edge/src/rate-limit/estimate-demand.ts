// How many tokens a request will ask for, told from its body alone. OpenAI documents the same: the limit counts what the
// request asks for at most, with the prompt estimated from its characters. The engine's own count replaces it afterwards; a
// region that finds the prompt longer than estimated asks for more before it computes anything.

/** What a request will ask of an engine, as far as the edge can tell. */
export interface TokenDemand {
  /** Estimate of the prompt's tokens. */
  readonly promptTokens: number;
  /** Most tokens of output. Absent: the request did not say. */
  readonly outputTokens: number | undefined;
}

/** What is a request like any other, and computes nothing. */
export const noTokens: TokenDemand = { promptTokens: 0, outputTokens: 0 };

/**
 * More than any limit a minute, and a number that adds up. What asks for more is refused by its region, by the name of the parameter,
 * and is counted here until it is.
 */
const mostTokens = 1_000_000_000_000;

type Body = Readonly<Record<string, unknown>>;

/** English text has some four characters a token in large vocabularies, and three in small ones. */
const charactersPerToken = 3;
/** What a chat template puts around a message, and before the first. */
const tokensPerMessage = 8;
const tokensPerChat = 16;
/** OpenAI's default of `max_tokens` for text completions. */
const completionDefault = 16;

/** Parameters that do not make sense count as absent: the region refuses them by name. */
export function estimateDemand(body: Body): TokenDemand {
  const { messages, prompt, input } = body;
  if (Array.isArray(messages)) return chatDemand(body, messages);
  if (prompt !== undefined) {
    const output = positive(body["max_tokens"]) ?? (body["max_tokens"] === 0 ? 0 : completionDefault);
    const numChoices = Math.max(positive(body["n"]) ?? 1, positive(body["best_of"]) ?? 1);
    const outputTokens = Math.min(mostTokens, output * numChoices * numPrompts(prompt));
    return { promptTokens: promptTokens(prompt), outputTokens };
  }
  return { promptTokens: input === undefined ? 0 : promptTokens(input), outputTokens: 0 };
}

function chatDemand(body: Body, messages: readonly unknown[]): TokenDemand {
  const asked = [body["max_tokens"], body["max_completion_tokens"]].map(positive).filter((one) => one !== undefined);
  const numCharacters = characters(messages) + characters(body["tools"]) + characters(body["functions"]);
  return {
    promptTokens: tokensPerChat + messages.length * tokensPerMessage + Math.ceil(numCharacters / charactersPerToken),
    outputTokens:
      asked.length === 0 ? undefined : Math.min(mostTokens, Math.max(...asked) * (positive(body["n"]) ?? 1)),
  };
}

/** Of `POST /v1/responses`. What it goes on from is not known yet: the region counts it, and asks for more. */
export function estimateResponseDemand(body: Body): TokenDemand {
  const { input, instructions, tools, max_output_tokens } = body;
  const numItems = Array.isArray(input) ? input.length : 1;
  const numCharacters = characters(input) + characters(instructions) + characters(tools);
  return {
    promptTokens: tokensPerChat + numItems * tokensPerMessage + Math.ceil(numCharacters / charactersPerToken),
    outputTokens: positive(max_output_tokens),
  };
}

/** Texts by their characters, token ids by their number. */
function promptTokens(prompt: unknown): number {
  if (typeof prompt === "string") return 1 + Math.ceil(prompt.length / charactersPerToken);
  if (!Array.isArray(prompt)) return 1;
  if (typeof prompt[0] === "number") return prompt.length;
  return prompt.reduce((sum: number, one: unknown) => sum + promptTokens(one), 0);
}

function numPrompts(prompt: unknown): number {
  return Array.isArray(prompt) && typeof prompt[0] !== "number" ? Math.max(1, prompt.length) : 1;
}

/** Characters of all texts in a value, whatever their role in it. The reader of bodies bounds its depth. */
function characters(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, one: unknown) => sum + characters(one), 0);
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value < 2 ** 31 ? value : undefined;
}
