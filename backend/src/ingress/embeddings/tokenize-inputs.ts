import { AppError, type ErrorCode } from "@sluice/shared/errors.ts";
import type { EmbeddingInput } from "@sluice/shared/openai/embedding-request.ts";
import type { Tokenizer } from "#ingress/text/tokenizer.ts";

/** Of all inputs of a request together; OpenAI's bound. */
const maxTokens = 300_000;

/**
 * Each input's token ids, at least one and no more than the model takes.
 *
 * @throws AppError naming the first input at fault; the signal's reason when that is aborted.
 */
export async function tokenizeInputs(
  inputs: readonly EmbeddingInput[],
  tokenizer: Tokenizer,
  maxModelLen: number,
  signal: AbortSignal,
): Promise<readonly (readonly number[])[]> {
  const tokenized: (readonly number[])[] = [];
  let numTokens = 0;
  // One after another, so that a request that asks for too much is refused before most of the work.
  for (const [index, input] of inputs.entries()) {
    signal.throwIfAborted();
    const param = inputs.length === 1 ? "input" : `input[${index}]`;
    const ids = await tokenizeInput(input, tokenizer, maxModelLen, param);
    numTokens += ids.length;
    if (numTokens > maxTokens) {
      throw refusal("invalid_value", "input", `the inputs have more than ${maxTokens} tokens together`);
    }
    tokenized.push(ids);
  }
  return tokenized;
}

async function tokenizeInput(
  input: EmbeddingInput,
  tokenizer: Tokenizer,
  maxModelLen: number,
  param: string,
): Promise<readonly number[]> {
  const assertFits = (numTokens: number, atLeast = ""): void => {
    if (numTokens <= maxModelLen) return;
    const reason = `it has ${atLeast}${numTokens} tokens, and the model takes at most ${maxModelLen}`;
    throw refusal("context_length_exceeded", param, reason);
  };
  // No token stands for more text than the longest: so a text that cannot fit is refused without tokenizing it.
  if (typeof input === "string") assertFits(Math.ceil(input.length / tokenizer.longestToken), "at least ");
  const ids = typeof input === "string" ? await tokenizer.encodeRaw(input) : input;
  assertFits(ids.length);
  if (ids.length === 0) throw refusal("invalid_value", param, "it has no tokens");
  if (ids.some((id) => id >= tokenizer.vocabSize)) {
    throw refusal("invalid_value", param, `a token is not one of the model's ${tokenizer.vocabSize}`);
  }
  return ids;
}

function refusal(code: ErrorCode, param: string, reason: string): AppError {
  return new AppError(code, { param, publicText: `Invalid '${param}': ${reason}.` });
}
