import type { GenerationRequest, Refusal } from "./generation.ts";
import type { Grammars } from "./grammar/grammars.ts";

/** Why the request's grammar can not be followed; absent when it can, or there is none. */
export function checkGrammar({ grammar }: GenerationRequest, grammars: Grammars | undefined): Refusal | undefined {
  if (grammar === undefined) return undefined;
  if (grammars === undefined) {
    return { admitted: false, code: "invalid_value", detail: "this engine has no tokenizer, which grammars need" };
  }
  const fault = grammars.faultOf(grammar);
  return fault === undefined ? undefined : { admitted: false, code: "internal_error", detail: fault };
}
