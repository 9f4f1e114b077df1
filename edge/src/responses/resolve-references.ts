import { AppError } from "@sluice/shared/errors.ts";
import type { InputItem } from "@sluice/shared/openai/response-input.ts";
import type { ResponseRequest } from "@sluice/shared/openai/response-request.ts";
import { responseOfItem } from "./conversation-items.ts";
import { itemsSchema, type StoredResponse } from "./stored-response.ts";

/** Most responses that the references of one request may lead to. */
const maxResponses = 32;

interface Resolved {
  readonly items: readonly InputItem[];
  readonly hasReferences: boolean;
}

/**
 * An input with kept items in the place of their references. Throws `invalid_value`, naming the first that leads nowhere.
 *
 * @param read a response of this tenant's; undefined when there is none.
 */
export async function resolveReferences(
  input: ResponseRequest["input"],
  read: (responseId: string) => Promise<StoredResponse | undefined>,
): Promise<Resolved> {
  if (typeof input === "string") {
    return { items: [{ type: "message", role: "user", content: input }], hasReferences: false };
  }
  const references = input.filter((item) => item.type === "item_reference");
  const known = await readItems(
    references.map(({ id }) => id),
    read,
  );
  const items = input.map((item, index) => {
    if (item.type !== "item_reference") return item;
    const found = known.get(item.id);
    if (found === undefined) throw notFound(`input[${index}].id`);
    return found;
  });
  return { items, hasReferences: references.length > 0 };
}

/** item id -> item */
async function readItems(
  itemIds: readonly string[],
  read: (responseId: string) => Promise<StoredResponse | undefined>,
): Promise<Map<string, InputItem>> {
  const responseIds = new Set(itemIds.map(responseOfItem).filter((id) => id !== undefined));
  if (responseIds.size > maxResponses) {
    const publicText = `Invalid 'input': its references lead to more than ${maxResponses} responses.`;
    throw new AppError("invalid_value", { param: "input", publicText });
  }
  const stored = await Promise.all([...responseIds].map(read));
  const items = stored.flatMap((one) => (one === undefined ? [] : itemsSchema.parse(JSON.parse(one.items))));
  return new Map(items.flatMap((item) => (typeof item.id === "string" ? [[item.id, item] as const] : [])));
}

function notFound(param: string): AppError {
  return new AppError("invalid_value", {
    param,
    publicText: `Invalid '${param}': there is no stored item of this id.`,
  });
}
