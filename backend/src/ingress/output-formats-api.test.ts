// Calls and thoughts as each family of models writes them, from the engine's tokens to the caller, whole and streamed.
import { FinishReason } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assertOpenAi } from "./fixtures/openai-schema.ts";
import { answer, ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { TestRegion } from "./fixtures/test-region.ts";
import { bytesOf, eventsOf, hello } from "./fixtures/wire.ts";

const route = "/v1/chat/completions";
const weather = { type: "function", function: { name: "weather", parameters: { type: "object" } } };
const said = "Für 東京 🦊:";
const args = '{"city": "Zürich 🦊", "days": [1, 2]}';
const call = { name: "weather", arguments: args };

interface Told {
  reasoning: string;
  content: string;
  calls: { name: string; arguments: string }[];
  finish: string | null;
}

type Choice = OpenAI.ChatCompletionChunk.Choice & { delta: { reasoning_content?: string } };

const engine = new ScriptedEngine();
let region: TestRegion;

beforeAll(async () => engine.start());
afterAll(() => engine.kill());

/** What a caller hears of the batches, whole. */
async function whole(batches: readonly (readonly number[])[], fields: object): Promise<Told> {
  engine.script = (generate) => answer(generate, batches);
  const response = await region.post(route, { ...hello, ...fields });
  expect(response.status).toBe(200);
  const completion = (await response.json()) as OpenAI.ChatCompletion;
  assertOpenAi("CreateChatCompletionResponse", completion);
  const choice = completion.choices[0]!;
  const message = choice.message as typeof choice.message & { reasoning_content?: string };
  const calls = (message.tool_calls ?? []).map((made) => (made.type === "function" ? made.function : undefined)!);
  return {
    reasoning: message.reasoning_content ?? "",
    content: message.content ?? "",
    calls: calls.map(({ name, arguments: written }) => ({ name, arguments: written })),
    finish: choice.finish_reason,
  };
}

/** The same, streamed. */
async function streamed(batches: readonly (readonly number[])[], fields: object): Promise<Told> {
  engine.script = (generate) => answer(generate, batches);
  const response = await region.post(route, { ...hello, ...fields, stream: true });
  const events = eventsOf(await response.text());
  expect(events.pop()).toBe("[DONE]");
  const told: Told = { reasoning: "", content: "", calls: [], finish: null };
  for (const chunk of events as OpenAI.ChatCompletionChunk[]) {
    assertOpenAi("CreateChatCompletionStreamResponse", chunk);
    const { delta, finish_reason: finish } = chunk.choices[0] as Choice;
    told.reasoning += delta.reasoning_content ?? "";
    told.content += delta.content ?? "";
    for (const { index, id, function: made } of delta.tool_calls ?? []) {
      if ((id === undefined) !== (made?.name === undefined)) throw new Error("a call's id and name come together");
      if (made?.name !== undefined) told.calls[index] = { name: made.name, arguments: "" };
      told.calls[index]!.arguments += made?.arguments ?? "";
    }
    told.finish = finish ?? told.finish;
  }
  return told;
}

/** In one piece, byte by byte, and cut in two at every byte. */
function cuts(output: string): number[][][] {
  const bytes = bytesOf(output);
  const inTwo = bytes.slice(1).map((_, index) => [bytes.slice(0, index + 1), bytes.slice(index + 1)]);
  return [[bytes], bytes.map((byte) => [byte]), ...inTwo];
}

/** What callers hear of an output: one telling, if it does not depend on where its tokens end, nor on whether it is streamed. */
async function tellings(output: string, fields: object): Promise<Told[]> {
  const told = new Map<string, Told>();
  const note = (one: Told): unknown => told.set(JSON.stringify(one), one);
  for (const batches of cuts(output)) {
    note(await streamed(batches, fields));
    if (batches.length !== 2) note(await whole(batches, fields));
  }
  return [...told.values()];
}

const nothing: Told = { reasoning: "", content: "", calls: [], finish: "stop" };

const common = "{{ tools }}{% for message in messages %}{{ message.content }}{% endfor %}";

describe.each<[string, string, string]>([
  [
    "Hermes",
    `${common}<tool_call>`,
    `${said}\n<tool_call>\n{"name": "weather", "arguments": ${args}}\n</tool_call>\n<tool_call>\n{"name": "weather", "arguments": {}}\n</tool_call>`,
  ],
  [
    "Llama 3, tagged",
    `${common}"parameters": dictionary of argument name`,
    `${said} <|python_tag|>{"name": "weather", "parameters": ${args}}; {"name": "weather", "parameters": {}}`,
  ],
  [
    "Mistral, listed",
    `${common}[TOOL_CALLS] [`,
    `${said}[TOOL_CALLS] [{"name": "weather", "arguments": ${args}}, {"name": "weather", "arguments": {}}]`,
  ],
  [
    "Mistral, named",
    `${common}[TOOL_CALLS][ARGS]`,
    `${said}[TOOL_CALLS]weather[ARGS]${args}[TOOL_CALLS]weather[ARGS]{}`,
  ],
])("calls of %s", (_family, template, output) => {
  beforeAll(async () => {
    region = await TestRegion.start([engine], { files: { "chat_template.jinja": template } });
  });
  afterAll(() => region.stop());

  test("are told from text, wherever the tokens end", async () => {
    const calls = [call, { name: "weather", arguments: "{}" }];
    expect(await tellings(output, { tools: [weather] })).toEqual([
      { ...nothing, content: said, calls, finish: "tool_calls" },
    ]);
  });

  test("are text where no tools were given", async () => {
    expect(await whole([bytesOf(output)], {})).toMatchObject({ content: output, calls: [], finish: "stop" });
  });
});

describe("calls of Llama 3", () => {
  beforeAll(async () => {
    const files = { "chat_template.jinja": `${common}"parameters": dictionary of argument name` };
    region = await TestRegion.start([engine], { files });
  });
  afterAll(() => region.stop());

  test("are the whole answer without a tag", async () => {
    const output = `{"name": "weather", "parameters": ${args}}`;
    expect(await tellings(output, { tools: [weather] })).toEqual([{ ...nothing, calls: [call], finish: "tool_calls" }]);
  });

  test("cannot be told from a response format's JSON, so both at once are refused", async () => {
    const fields = { tools: [weather], response_format: { type: "json_object" } };
    const response = await region.post(route, { ...hello, ...fields });
    expect(await response.json()).toMatchObject({ error: { code: "unsupported_parameter", param: "response_format" } });
    expect((await region.post(route, { ...hello, ...fields, tool_choice: "none" })).status).toBe(200);
  });
});

describe("thoughts", () => {
  const opened = `{{ tools }}<tool_call>{% if open %}<think>{% elif closed %}<think></think>{% endif %}`;
  const thought = "Hm, 東京 🦊?";
  beforeAll(async () => {
    region = await TestRegion.start([engine], { files: { "chat_template.jinja": opened } });
  });
  afterAll(() => region.stop());

  test.each<[string, string, object]>([
    ["that the model begins", `<think>\n${thought}\n</think>\n\n${said}`, {}],
    ["that the prompt began", `${thought}\n</think>${said}`, { chat_template_kwargs: { open: true } }],
  ])("%s are told from what is said, wherever the tokens end", async (_what, output, fields) => {
    expect(await tellings(output, fields)).toEqual([{ ...nothing, reasoning: thought, content: said }]);
  });

  test("are followed by calls", async () => {
    const output = `<think>${thought}</think>\n<tool_call>\n{"name": "weather", "arguments": ${args}}\n</tool_call>`;
    const told = { reasoning: thought, calls: [call], finish: "tool_calls" };
    expect(await tellings(output, { tools: [weather] })).toEqual([{ ...nothing, ...told }]);
  });

  test("are not there where the prompt closed them", async () => {
    const fields = { chat_template_kwargs: { closed: true } };
    expect(await whole([bytesOf(`\n\n${said}`)], fields)).toMatchObject({ reasoning: "", content: said });
  });

  test("are left out where the caller does not want them", async () => {
    const output = `<think>${thought}</think>${said}`;
    expect(await tellings(output, { include_reasoning: false })).toEqual([{ ...nothing, content: said }]);
  });

  test("that the length cuts off are all there is", async () => {
    engine.script = (generate) => answer(generate, [bytesOf("<think>Hm")], FinishReason.LENGTH);
    const response = await region.post(route, hello);
    const { choices } = (await response.json()) as OpenAI.ChatCompletion;
    expect(choices).toMatchObject([{ message: { content: "", reasoning_content: "Hm" }, finish_reason: "length" }]);
  });

  test.each<[string, number]>([
    ["<think>Hm</think>Yes", "<think>Hm</think>".length],
    [" Yes", 0],
    ["<think>Hm", "<think>Hm".length],
  ])("of %j have their tokens counted", async (output, count) => {
    engine.script = (generate) => answer(generate, [bytesOf(output)]);
    const { usage } = (await (await region.post(route, hello)).json()) as OpenAI.ChatCompletion;
    expect(usage?.completion_tokens_details).toEqual({ reasoning_tokens: count });
  });

  test("come before what a grammar binds", async () => {
    const format = { response_format: { type: "json_object" } };
    await region.post(route, { ...hello, ...format });
    expect(engine.requests.at(-1)?.grammar?.ebnf).toContain('"<think>"');
    await region.post(route, { ...hello, ...format, chat_template_kwargs: { closed: true } });
    expect(engine.requests.at(-1)?.grammar?.ebnf).not.toContain('think>"');
  });
});

describe("token ids", () => {
  beforeAll(async () => {
    region = await TestRegion.start([engine]);
  });
  afterAll(() => region.stop());

  test("are told where they were asked for, whole and streamed", async () => {
    const tokenIds = bytesOf("é END more");
    engine.script = (generate) =>
      answer(
        generate,
        tokenIds.map((id) => [id]),
      );
    const fields = { ...hello, return_token_ids: true, stop: "END" };
    const wholeAnswer = (await (await region.post(route, fields)).json()) as Record<string, unknown>;
    const { promptTokenIds } = engine.requests.at(-1)!;
    const told = bytesOf("é END");
    expect(wholeAnswer).toMatchObject({ prompt_token_ids: promptTokenIds, choices: [{ token_ids: told }] });

    const events = eventsOf(await (await region.post(route, { ...fields, stream: true })).text());
    const chunks = events.slice(0, -1) as { prompt_token_ids?: number[]; choices: { token_ids?: number[] }[] }[];
    expect(chunks[0]?.prompt_token_ids).toEqual(promptTokenIds);
    expect(chunks.flatMap(({ choices }) => choices[0]?.token_ids ?? [])).toEqual(told);
    expect(chunks.slice(1).some((chunk) => "prompt_token_ids" in chunk)).toBe(false);
  });

  test("of each prompt stand by its choices", async () => {
    engine.script = (generate) => answer(generate, [bytesOf("x")]);
    const fields = { model: "tiny", prompt: [[1, 2], [3]], return_token_ids: true };
    const { choices } = (await (await region.post("/v1/completions", fields)).json()) as OpenAI.Completion;
    expect(choices).toMatchObject([
      { prompt_token_ids: [1, 2], token_ids: bytesOf("x") },
      { prompt_token_ids: [3], token_ids: bytesOf("x") },
    ]);
    const stream = await region.post("/v1/completions", { ...fields, stream: true });
    const events = eventsOf(await stream.text()).slice(0, -1) as OpenAI.Completion[];
    const prompts = events.flatMap((event) => event.choices).filter((choice) => "prompt_token_ids" in choice);
    expect(prompts.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([0, 1]);
  });

  test("are nowhere else", async () => {
    engine.script = (generate) => answer(generate, [bytesOf("x")]);
    expect(await (await region.post(route, hello)).text()).not.toContain("token_ids");
  });
});
