import { AppError } from "@sluice/shared/errors.ts";
import type { InputItem } from "@sluice/shared/openai/response-input.ts";
import type { ResponseRequest } from "@sluice/shared/openai/response-request.ts";

/** The input as items; the edge has resolved what refers to others. */
export function requestItems(input: ResponseRequest["input"]): readonly InputItem[] {
  if (typeof input === "string") return [{ type: "message", role: "user", content: input }];
  return input.map((item, index) => {
    if (item.type !== "item_reference") return item;
    throw new AppError("invalid_value", { param: `input[${index}]`, publicText: "A region keeps no items." });
  });
}
