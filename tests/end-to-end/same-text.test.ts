// A prompt, a seed and parameters make one text: whole or streamed, alone or among others. And its characters are whole.
// `SLUICE_STREAMED_OUTPUTS` says how many streams of long characters there are.
import { env } from "node:process";
import OpenAI from "openai";
import { expect, inject, it } from "vitest";

const numStreamed = Number(env["SLUICE_STREAMED_OUTPUTS"] ?? 256);
const stack = inject("stack");
const client = new OpenAI({ baseURL: stack.baseUrl, apiKey: stack.apiKey });

const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: "function",
    function: {
      name: "get_weather",
      parameters: { type: "object", properties: { city: { type: "string", maxLength: 12 } }, required: ["city"] },
      strict: true,
    },
  },
];
const schema = {
  type: "object",
  properties: { name: { type: "string", maxLength: 8 }, age: { type: "integer", minimum: 0, maximum: 99 } },
  required: ["name", "age"],
  additionalProperties: false,
};

const variants: Readonly<Record<string, Partial<OpenAI.ChatCompletionCreateParams> & Record<string, unknown>>> = {
  greedy: { temperature: 0 },
  hot: { temperature: 1.7, seed: 1 },
  narrow: { temperature: 1, top_p: 0.7, top_k: 12, min_p: 0.02, seed: 2 },
  penalized: { temperature: 1, presence_penalty: 1, frequency_penalty: 0.5, repetition_penalty: 1.2, seed: 3 },
  biased: { temperature: 1, logit_bias: { "300": 5, "301": -100 }, seed: 4 },
  stopped: { temperature: 1.2, stop: ["e ", "th"], min_tokens: 6, seed: 5 },
  several: { temperature: 1.5, n: 3, seed: 6 },
  logged: { temperature: 1.3, logprobs: true, top_logprobs: 2, seed: 7 },
  structured: {
    temperature: 1.3,
    response_format: { type: "json_schema", json_schema: { name: "p", schema } },
    seed: 8,
  },
  called: { temperature: 1.3, tools, tool_choice: "required", parallel_tool_calls: false, seed: 9 },
};

function ask(variant: string): OpenAI.ChatCompletionCreateParamsNonStreaming {
  const messages = [{ role: "user" as const, content: "Tell me about yourself, and count to ten." }];
  return { model: stack.model, messages, max_tokens: 48, ...variants[variant], stream: false };
}

/** What was said in each choice, with its calls and why it ended. */
async function whole(variant: string): Promise<unknown> {
  const { choices } = await client.chat.completions.create(ask(variant));
  return choices.map(({ message, finish_reason: reason, logprobs }) => [
    message.content ?? "",
    (message.tool_calls ?? []).map((call) => (call.type === "function" ? call.function.arguments : "")),
    logprobs?.content?.map(({ token, logprob }) => [token, logprob]) ?? [],
    reason,
  ]);
}

async function streamed(variant: string): Promise<unknown> {
  const told: [string, string[], unknown[], string | null][] = [];
  for await (const { choices } of await client.chat.completions.create({ ...ask(variant), stream: true })) {
    for (const { index, delta, finish_reason: reason, logprobs } of choices) {
      const choice = (told[index] ??= ["", [], [], null]);
      choice[0] += delta.content ?? "";
      for (const call of delta.tool_calls ?? []) {
        choice[1][call.index] = (choice[1][call.index] ?? "") + (call.function?.arguments ?? "");
      }
      choice[2].push(...(logprobs?.content ?? []).map(({ token, logprob }) => [token, logprob]));
      choice[3] = reason ?? choice[3];
    }
  }
  return told;
}

it("is the same whole and streamed, alone and among others", async () => {
  const names = Object.keys(variants);
  const alone: unknown[] = [];
  for (const name of names) alone.push(await whole(name));
  const together = await Promise.all(names.flatMap((name) => [streamed(name), whole(name), streamed(name)]));
  expect(together).toEqual(alone.flatMap((one) => [one, one, one]));
});

it(
  `has no broken character in ${numStreamed} streams of characters of two to four bytes`,
  async () => {
    const pattern = "[äéñßøλжשع日本語한글ไ🚀🦊🌍𝄞]{6,10}";
    const fields = {
      model: stack.model,
      prompt: "Zürich 東京 🚀",
      temperature: 1.5,
      max_tokens: 64,
      guided_regex: pattern,
    };
    const stream = async (seed: number): Promise<string[]> => {
      const texts = Array.from({ length: 64 }, () => "");
      const params = { ...fields, seed, n: texts.length, stream: true as const };
      for await (const { choices } of await client.completions.create(params)) {
        for (const { index, text } of choices) {
          expect(text).not.toContain("\uFFFD");
          texts[index] += text;
        }
      }
      return texts;
    };
    const texts: string[] = [];
    for (let seed = 0; texts.length < numStreamed; seed += 4) {
      const some = [seed, seed + 1, seed + 2, seed + 3];
      texts.push(...(await Promise.all(some.map(stream))).flat());
    }
    expect(texts.filter((text) => !new RegExp(`^${pattern}$`, "u").test(text))).toEqual([]);
    // Or the check would see one output hundreds of times.
    expect(new Set(texts).size).toBeGreaterThan(64);
  },
  60_000 + numStreamed * 100,
);

it(
  `has no broken character in ${numStreamed} streams of whatever is sampled, and is what its tokens say`,
  async () => {
    const prompts = [
      "Zürich 東京 🚀",
      "Напиши что-нибудь про лису.",
      "한국어로 말해 주세요",
      "Erzähl von Öl und Käse.",
    ];
    const temperatures = [0.7, 1, 1.4, 2];
    const numAtOnce = 64;
    let numLong = 0;
    for (let round = 0; round * numAtOnce < numStreamed; round += 1) {
      const texts = Array.from({ length: numAtOnce }, () => "");
      const tokens: number[][] = texts.map(() => []);
      const params = {
        model: stack.model,
        messages: [{ role: "user" as const, content: prompts[round % 4] ?? "" }],
        temperature: temperatures[(round >> 2) % 4] ?? 1,
        ...(round % 2 === 0 && { top_k: 40 }),
        max_tokens: 32,
        seed: round,
        n: numAtOnce,
        stream: true as const,
        return_token_ids: true,
      };
      for await (const { choices } of await client.chat.completions.create(params)) {
        for (const choice of choices as (OpenAI.ChatCompletionChunk.Choice & { token_ids?: number[] })[]) {
          texts[choice.index] += choice.delta.content ?? "";
          tokens[choice.index]?.push(...(choice.token_ids ?? []));
        }
      }
      expect(texts.filter((text) => text.includes("\uFFFD"))).toEqual([]);
      numLong += texts.filter((text) => /[^\p{ASCII}]/u.test(text)).length;
      const whole = await client.post<{ prompt: string }>("/detokenize", {
        body: { model: stack.model, tokens: tokens[0] },
      });
      // One that broke off inside a character ends before it.
      expect([texts[0], `${texts[0]}\uFFFD`]).toContain(whole.prompt);
    }
    expect(numLong).toBeGreaterThan(numStreamed / 10);
  },
  60_000 + numStreamed * 100,
);
