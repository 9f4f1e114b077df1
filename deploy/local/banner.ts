/** What a person needs once the stack serves; each command works as printed. */
export function formatBanner(baseUrl: string, apiKey: string, model: string): string {
  return `
Sluice serves "${model}" from two regions.

  base URL   ${baseUrl}
  API key    ${apiKey}

Try it:

  curl ${baseUrl}/chat/completions -H "authorization: Bearer ${apiKey}" -H "content-type: application/json" -d '{"model":"${model}","messages":[{"role":"user","content":"Hello! Who are you?"}]}'

or from an OpenAI SDK (save as hello.mjs in this folder, run: npx node hello.mjs):

  import OpenAI from "openai";
  const client = new OpenAI({ baseURL: "${baseUrl}", apiKey: "${apiKey}" });
  for await (const chunk of await client.chat.completions.create({ model: "${model}", stream: true, messages: [{ role: "user", content: "Count from 1 to 20." }] })) process.stdout.write(chunk.choices[0]?.delta.content ?? "");

or talk to it:  npm run chat        Ctrl-C stops everything.
`;
}
