import { expect, test } from "vitest";
import { byteTokenizerJson } from "#ingress/fixtures/byte-tokenizer.ts";
import { modelFolder } from "#ingress/fixtures/model-folder.ts";
import { loadServedModel, type ServedModel } from "./served-model.ts";

async function load(files: Readonly<Record<string, unknown>>): Promise<ServedModel> {
  await using folder = await modelFolder({ "tokenizer.json": byteTokenizerJson(), ...files });
  return await loadServedModel(folder.path, "tiny");
}

function renderHi(model: ServedModel): string | undefined {
  return model.chatTemplate?.render([{ role: "user", content: "hi" }], model.tokenizer.controlText);
}

test("a tokenizer alone is a model that completes but does not chat", async () => {
  const model = await load({});
  expect(model).toMatchObject({
    id: "tiny",
    chatTemplate: undefined,
    stopTokenIds: [],
    samplingDefaults: { temperature: 1, topP: 1, topK: 0 },
  });
});

test("the template's own file goes before the one in the configuration", async () => {
  const tokenizerConfig = { chat_template: "old" };
  expect(renderHi(await load({ "tokenizer_config.json": tokenizerConfig }))).toBe("old");
  const both = { "tokenizer_config.json": tokenizerConfig, "chat_template.jinja": "new" };
  expect(renderHi(await load(both))).toBe("new");
});

test("of several templates the default is taken", async () => {
  const chat_template = [
    { name: "tool_use", template: "tools" },
    { name: "default", template: "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}" },
  ];
  const tokenizerConfig = { chat_template, bos_token: { content: "<s>" }, eos_token: "</s>" };
  expect(renderHi(await load({ "tokenizer_config.json": tokenizerConfig }))).toBe("<s>hi</s>");
});

test.each([
  [{ eos_token_id: 2 }, [2]],
  [{ eos_token_id: [2, 0] }, [2, 0]],
])("stop tokens come from the generation configuration: %j", async (generationConfig, stopTokenIds) => {
  expect(await load({ "generation_config.json": generationConfig })).toMatchObject({ stopTokenIds });
});

test("so do the sampling defaults", async () => {
  const config = { temperature: 0.7, top_p: 0.8, top_k: 20, min_p: 0.05, repetition_penalty: 1.1 };
  const model = await load({ "generation_config.json": config });
  const defaults = { temperature: 0.7, topP: 0.8, topK: 20, minP: 0.05, repetitionPenalty: 1.1 };
  expect(model.samplingDefaults).toEqual(defaults);
  const nothing = { temperature: 1, topP: 1, topK: 0, minP: 0, repetitionPenalty: 1 };
  expect((await load({})).samplingDefaults).toEqual(nothing);
});

test("a model that is not to be sampled is greedy unless a request says otherwise", async () => {
  const model = await load({ "generation_config.json": { do_sample: false, temperature: 0.7 } });
  expect(model.samplingDefaults.temperature).toBe(0);
});

test("a vocabulary that cannot be decoded piece by piece is refused", async () => {
  const tokenizer = { ...JSON.parse(byteTokenizerJson()), decoder: { type: "WordPiece", prefix: "##", cleanup: true } };
  await expect(load({ "tokenizer.json": tokenizer })).rejects.toThrow("neither ByteLevel nor ByteFallback");
});

test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
  ["a tokenizer that is not JSON", { "tokenizer.json": "{" }, /tokenizer\.json: not a tokenizer that can be served: /],
  [
    "a tokenizer of no kind",
    { "tokenizer.json": { model: {} } },
    /tokenizer\.json: not a tokenizer that can be served: /,
  ],
  ["a configuration that is not JSON", { "tokenizer_config.json": "{" }, /tokenizer_config\.json: /],
  [
    "a temperature that is none",
    { "generation_config.json": { temperature: -1 } },
    /generation_config\.json: temperature/,
  ],
  [
    "another model's tokenizer",
    { "config.json": { vocab_size: 259 } },
    /260 tokens, but config\.json has vocab_size 259/,
  ],
])("refuses %s in one line that names the file", async (_, files, line) => {
  const error: unknown = await load(files).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toMatch(line);
  expect((error as Error).message).not.toContain("\n");
});

test("refuses a directory without a tokenizer, and says what to do", async () => {
  await using folder = await modelFolder({});
  await expect(loadServedModel(folder.path, "tiny")).rejects.toThrow(/tokenizer\.json is missing; download it/);
});

test("added tokens may lie beyond what the model has, as where a padding token was added and nothing resized", async () => {
  expect((await load({ "config.json": { vocab_size: 260 } })).tokenizer.vocabSize).toBe(264);
});
