import OpenAI from "openai";
import { describe, expect, inject, it } from "vitest";

const stack = inject("stack");
const client = new OpenAI({ baseURL: stack.baseUrl, apiKey: stack.apiKey });

const weather: OpenAI.ChatCompletionTool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Get the weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const timer: OpenAI.ChatCompletionTool = {
  type: "function",
  function: {
    name: "set_timer",
    parameters: {
      type: "object",
      properties: { minutes: { type: "integer", minimum: 1, maximum: 90 } },
      required: ["minutes"],
      additionalProperties: false,
    },
    strict: true,
  },
};
const question = { role: "user", content: "What is the weather in Paris?" } as const;
const ask = { model: stack.model, temperature: 0, messages: [question] } satisfies OpenAI.ChatCompletionCreateParams;

const validCall = /^(set_timer \{"minutes":\d+\}|get_weather \{"city":".*"\})$/;

function callsOf(completion: OpenAI.ChatCompletion): { name: string; args: unknown }[] {
  return (completion.choices[0]?.message.tool_calls ?? []).map((call) => {
    if (call.type !== "function") throw new Error("not a function");
    return { name: call.function.name, args: JSON.parse(call.function.arguments) };
  });
}

describe("structured output", () => {
  it("is what the schema says, at any temperature, in every choice", async () => {
    const schema = {
      type: "object",
      properties: {
        name: { type: "string", maxLength: 12 },
        age: { type: "integer", minimum: 18, maximum: 99 },
        colour: { enum: ["red", "blue"] },
      },
      required: ["name", "age", "colour"],
      additionalProperties: false,
    };
    const { choices } = await client.chat.completions.create({
      model: stack.model,
      messages: [{ role: "user", content: "Give me a JSON object with name Mira and age 31." }],
      temperature: 1.5,
      seed: 7,
      n: 8,
      response_format: { type: "json_schema", json_schema: { name: "person", schema, strict: true } },
    });
    expect(choices).toHaveLength(8);
    for (const { message, finish_reason: reason } of choices) {
      expect(reason).toBe("stop");
      const value: unknown = JSON.parse(message.content ?? "");
      expect(value).toEqual({
        name: expect.any(String),
        age: expect.any(Number),
        colour: expect.stringMatching(/^(red|blue)$/),
      });
      expect((value as { age: number }).age).toBeGreaterThanOrEqual(18);
    }
  });

  it("is one of the choices, also of a text completion", async () => {
    const fields = {
      model: stack.model,
      prompt: "The answer is ",
      max_tokens: 20,
      temperature: 1,
      guided_choice: ["perhaps", "no way"],
    };
    const { choices } = await client.completions.create(fields);
    expect(choices[0]?.text).toMatch(/^(perhaps|no way)$/);
    expect(choices[0]?.finish_reason).toBe("stop");
  });

  it("refuses a schema that cannot be enforced, naming the keyword", async () => {
    const schema = { type: "object", properties: { a: { type: "array", uniqueItems: true } } };
    const refusal = client.chat.completions.create({
      ...ask,
      response_format: { type: "json_schema", json_schema: { name: "a", schema } },
    });
    await expect(refusal).rejects.toMatchObject({
      status: 400,
      code: "unsupported_parameter",
      param: "response_format.json_schema.schema.properties.a.uniqueItems",
    });
  });
});

describe("tool calls", () => {
  it("are made when asked for, and answered from their results", async () => {
    const completion = await client.chat.completions.create({ ...ask, tools: [weather] });
    const [choice] = completion.choices;
    expect(choice?.finish_reason).toBe("tool_calls");
    expect(choice?.message.content).toBeNull();
    expect(callsOf(completion)).toEqual([{ name: "get_weather", args: { city: "Paris" } }]);

    const [call] = choice?.message.tool_calls ?? [];
    if (choice === undefined || call === undefined) throw new Error("no call");
    const result = {
      role: "tool",
      tool_call_id: call.id,
      content: '{"temperature": 14, "condition": "foggy"}',
    } as const;
    const answer = await client.chat.completions.create({
      ...ask,
      messages: [question, choice.message, result],
      tools: [weather],
    });
    expect(answer.choices[0]?.finish_reason).toBe("stop");
    expect(answer.choices[0]?.message.content).toMatch(/foggy/);
  });

  it("stream as deltas that join to the same", async () => {
    const whole = await client.chat.completions.create({ ...ask, tools: [weather] });
    const stream = client.chat.completions.stream({ ...ask, tools: [weather] });
    const streamed = await stream.finalChatCompletion();
    expect(callsOf(streamed)).toEqual(callsOf(whole));
    expect(streamed.choices[0]?.finish_reason).toBe("tool_calls");
  });

  it("are valid where required or strict, whatever is sampled, and only then made", async () => {
    const sampled = { ...ask, temperature: 1.5, max_tokens: 300 };
    for (let seed = 1; seed <= 4; seed += 1) {
      const required = await client.chat.completions.create({
        ...sampled,
        seed,
        tools: [weather, timer],
        tool_choice: "required",
        parallel_tool_calls: false,
      });
      // A call that the length cuts off is the beginning of a valid one.
      const isWhole = required.choices[0]?.finish_reason === "tool_calls";
      const written = isWhole ? callsOf(required).map(({ name, args }) => `${name} ${JSON.stringify(args)}`) : [];
      expect(written.filter((call) => !validCall.test(call))).toEqual([]);
      const choice = { type: "function", function: { name: "set_timer" } } as const;
      const named = await client.chat.completions.create({
        ...sampled,
        seed,
        tools: [weather, timer],
        tool_choice: choice,
      });
      const [call] = callsOf(named);
      expect(call).toEqual({ name: "set_timer", args: { minutes: expect.any(Number) } });
      const { minutes } = (call as { args: { minutes: number } }).args;
      expect(minutes >= 1 && minutes <= 90 && Number.isInteger(minutes)).toBe(true);
    }
    const none = await client.chat.completions.create({ ...ask, tools: [weather], tool_choice: "none" });
    expect(none.choices[0]?.message.tool_calls).toBeUndefined();
    const strict = await client.chat.completions.create({
      ...ask,
      messages: [{ role: "user", content: "Set a timer for 5 minutes." }],
      tools: [timer],
    });
    expect(callsOf(strict)).toEqual([{ name: "set_timer", args: { minutes: 5 } }]);
  });
});
