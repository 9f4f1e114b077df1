import { AppError } from "@sluice/shared/errors.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { Detokenization } from "@sluice/shared/openai/tokenization.ts";
import { detokenizeRequestSchema } from "@sluice/shared/openai/tokenize-request.ts";
import type { TokenBytes } from "@sluice/shared/token-bytes.ts";
import type { Exchange } from "#ingress/exchange.ts";
import { assertServed, type Region } from "#ingress/region.ts";
import { sendAnswer } from "#ingress/reply/send-answer.ts";
import { Detokenizer } from "#ingress/text/detokenizer.ts";

/** `POST /v1/detokenize`: the text of tokens, control tokens as the vocabulary spells them. */
export async function answerDetokenize(body: unknown, region: Region, exchange: Exchange): Promise<void> {
  const { model: modelId, tokens } = parseRequest(detokenizeRequestSchema, body);
  assertServed(region, modelId);
  const { id, tokenizer } = region.model;
  if (tokens.some((token) => token >= tokenizer.vocabSize)) {
    const publicText = `Invalid 'tokens': a token is not one of the model's ${tokenizer.vocabSize}.`;
    throw new AppError("invalid_value", { param: "tokens", publicText });
  }
  const detokenization: Detokenization = { prompt: spell(tokens, tokenizer.tokenBytes) };
  await sendAnswer(detokenization, id, exchange);
}

function spell(tokens: readonly number[], tokenBytes: TokenBytes): string {
  const detokenizer = new Detokenizer(tokenBytes);
  const pieces = tokens.map((token) =>
    tokenBytes.of(token).length > 0 ? detokenizer.push(token) : detokenizer.flush() + tokenBytes.spellingOf(token),
  );
  return pieces.join("") + detokenizer.flush();
}
