import OpenAI from "openai";
import { expect, inject, it } from "vitest";

const stack = inject("stack");
const client = new OpenAI({ baseURL: stack.baseUrl, apiKey: stack.apiKey });
const texts = ["The capital of France is Paris.", "The capital of France is Paris!", "17 + 4 = 21"];

const dot = (a: readonly number[] = [], b: readonly number[] = []): number =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

it("gives vectors of length 1 through edge, region and engine, as the SDK asks by default", async () => {
  const { data, usage, model } = await client.embeddings.create({ model: stack.model, input: texts });
  expect(model).toBe(stack.model);
  expect(data.map(({ index }) => index)).toEqual([0, 1, 2]);
  for (const { embedding } of data) expect(dot(embedding, embedding)).toBeCloseTo(1, 5);
  expect(dot(data[0]?.embedding, data[1]?.embedding)).toBeGreaterThan(dot(data[0]?.embedding, data[2]?.embedding));
  expect(usage.prompt_tokens).toBeGreaterThan(10);
  expect(usage.total_tokens).toBe(usage.prompt_tokens);
});

it("gives the same numbers alone, among others, as floats and while text is generated", async () => {
  const [together, alone] = await Promise.all([
    client.embeddings.create({ model: stack.model, input: texts }),
    client.embeddings.create({ model: stack.model, input: texts[1] ?? "", encoding_format: "float" }),
    client.completions.create({ model: stack.model, prompt: "Once upon a time", max_tokens: 40 }),
  ]);
  // Over base64 they come as float32; as floats, in nine digits, which name the same float32.
  expect([...Float32Array.from(alone.data[0]?.embedding ?? [])]).toEqual(together.data[1]?.embedding);
});

it("shortens them, and refuses by name what there is not", async () => {
  const { data } = await client.embeddings.create({ model: stack.model, input: texts, dimensions: 16 });
  expect(data[0]?.embedding).toHaveLength(16);
  expect(dot(data[0]?.embedding, data[0]?.embedding)).toBeCloseTo(1, 5);
  await expect(
    client.embeddings.create({ model: stack.model, input: texts, dimensions: 100_000 }),
  ).rejects.toMatchObject({
    status: 400,
    param: "dimensions",
  });
  await expect(client.embeddings.create({ model: stack.model, input: ["a", ""] })).rejects.toMatchObject({
    status: 400,
    param: "input[1]",
  });
});
