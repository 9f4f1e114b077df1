import type { GenerationRequest, Refusal } from "./generation.ts";
import type { Grammars } from "./grammar/grammars.ts";

/** Why the request's grammar can not be followed; absent when it can, or there is none. It is compiled to see. */
export function checkGrammar({ grammar }: GenerationRequest, grammars: Grammars | undefined): Refusal | undefined {
  if (grammar === undefined) return undefined;
  if (grammars === undefined) {
    return { admitted: false, code: "invalid_value", detail: "this engine has no tokenizer, which grammars need" };
  }
  try {
    grammars.compile(grammar);
    return undefined;
  } catch (thrown) {
    return { admitted: false, code: "invalid_grammar", detail: String(thrown) };
  }
}
