import { AppError } from "@sluice/shared/errors.ts";

/** A request of ours nests three deep; metadata and JSON schemas a little more. */
const maxDepth = 64;

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * A body as JSON. Throws `invalid_json` when it is not UTF-8, not JSON, nested deeper than `maxDepth`, or names
 * `__proto__`, which no parameter does and which code that copies objects trips over.
 */
export function parseJson(body: Uint8Array): unknown {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(body));
  } catch (error) {
    throw new AppError("invalid_json", { cause: error });
  }
  assertTame(value);
  return value;
}

/** Walks with a stack of its own: the depth is what is in doubt. */
function assertTame(root: unknown): void {
  const pending: { readonly value: unknown; readonly depth: number }[] = [{ value: root, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, depth } = next;
    if (typeof value !== "object" || value === null) continue;
    if (depth >= maxDepth) throw new AppError("invalid_json", { publicText: "The request body is nested too deeply." });
    if (Object.hasOwn(value, "__proto__")) {
      throw new AppError("invalid_json", {
        publicText: "The request body names '__proto__', which no parameter does.",
      });
    }
    for (const inner of Object.values(value)) {
      if (typeof inner === "object") pending.push({ value: inner, depth: depth + 1 });
    }
  }
}
