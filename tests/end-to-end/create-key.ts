import type { StackFile } from "./start-stack.ts";

/** A new key of the stack's project, with these terms and no other limits. @throws Error with the edge's refusal. */
export async function createKey(
  { adminUrl, adminKey }: StackFile,
  terms: { readonly name: string } & Readonly<Record<string, unknown>>,
): Promise<string> {
  const response = await fetch(`${adminUrl}/projects/proj_default/api_keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify(terms),
  });
  if (!response.ok) throw new Error(`no key was made: ${await response.text()}`);
  return ((await response.json()) as { value: string }).value;
}
