// What a key was charged, as its gate and the ledger have it.
import { createKey } from "./create-key.ts";
import type { StackFile } from "./start-stack.ts";

/** A key of the default project whose charges can be read from what is left of its month. */
export async function createBudgetKey(stack: StackFile, budgetTokens: number, options: object = {}): Promise<string> {
  return createKey(stack, { name: "charges", tokens_per_month: budgetTokens, ...options });
}

/** What its gate holds as used this month. A request that can never be admitted tells, and costs nothing. */
export async function numCharged(stack: StackFile, key: string, budgetTokens: number): Promise<number> {
  const response = await fetch(`${stack.baseUrl}/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: stack.model, prompt: "a", max_tokens: 2_000_000_000 }),
  });
  await response.body?.cancel();
  return budgetTokens - Number(response.headers.get("x-ratelimit-remaining-tokens"));
}

/** What the ledger has of the whole stack by now. */
export async function numInLedger(stack: StackFile, startS: number): Promise<number> {
  const response = await fetch(`${stack.adminUrl}/usage/completions?start_time=${startS}&bucket_width=1d`, {
    headers: { authorization: `Bearer ${stack.adminKey}` },
  });
  const { data } = (await response.json()) as {
    data: { results: { input_tokens: number; output_tokens: number }[] }[];
  };
  const results = data.flatMap((bucket) => bucket.results);
  return results.reduce((total, { input_tokens, output_tokens }) => total + input_tokens + output_tokens, 0);
}
