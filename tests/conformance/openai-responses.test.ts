import OpenAI, { BadRequestError, NotFoundError } from "openai";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { describe, expect, inject, it } from "vitest";
import { documentedFetch } from "./published/documented-fetch.ts";
import { count, person, weather } from "./questions.ts";

const { baseUrl, apiKey, model } = inject("stack");
const client = new OpenAI({ baseURL: baseUrl, apiKey, fetch: documentedFetch(baseUrl), maxRetries: 0 });

const calm = { model, temperature: 0 };
const weatherTool = zodResponsesFunction({
  name: weather.tool,
  description: weather.description,
  parameters: weather.arguments,
});

describe("openai: responses", () => {
  it("answers a text, counts its tokens, and says what it was asked", async () => {
    const response = await client.responses.create({ ...calm, input: count.question, metadata: { case: "count" } });
    expect(response.output_text).toBe(count.answer);
    expect(response).toMatchObject({ status: "completed", error: null, model, metadata: { case: "count" } });
    expect(response.usage?.input_tokens).toBeGreaterThan(5);
    expect(response.usage?.output_tokens).toBeGreaterThan(20);
  });

  it("counts an input as the response's usage does, also of a conversation and with tools", async () => {
    const asked = { model, instructions: "Be kind.", input: weather.question, tools: [weatherTool] };
    const first = await client.responses.create({ ...asked, temperature: 0 });
    expect((await client.responses.inputTokens.count(asked)).input_tokens).toBe(first.usage?.input_tokens);
    const call = first.output.find((item) => item.type === "function_call");
    if (call === undefined) throw new Error("no function was called");
    const output = { type: "function_call_output", call_id: call.call_id, output: "1" } as const;
    const input = [output, { role: "user", content: count.question } as const];
    const next = { model, previous_response_id: first.id, input };
    const second = await client.responses.create({ ...next, temperature: 0 });
    const counted = await client.responses.inputTokens.count(next);
    expect(counted).toEqual({ object: "response.input_tokens", input_tokens: second.usage?.input_tokens });
    const wrong = client.responses.inputTokens.count({ model, input: [{ type: "message" } as never] });
    await expect(wrong).rejects.toMatchObject({ status: 400, param: "input[0].role" });
  });

  it("gives the same text as a chat, streamed and not", async () => {
    const content = "Tell me a story about a fox.";
    const chat = await client.chat.completions.create({
      ...calm,
      max_completion_tokens: 40,
      messages: [
        { role: "system", content: "Be kind." },
        { role: "user", content },
      ],
    });
    const asked = { ...calm, instructions: "Be kind.", input: content, max_output_tokens: 40 };
    const whole = await client.responses.create(asked);
    expect(whole.output_text).toBe(chat.choices[0]?.message.content);
    const stream = client.responses.stream(asked);
    let deltas = "";
    stream.on("response.output_text.delta", ({ delta }) => (deltas += delta));
    const streamed = await stream.finalResponse();
    expect(deltas).toBe(whole.output_text);
    expect(streamed.output_text).toBe(whole.output_text);
    expect(streamed.usage?.output_tokens).toBe(whole.usage?.output_tokens);
  });

  it("is incomplete where the length cuts it off", async () => {
    const asked = { ...calm, input: count.question, max_output_tokens: 5 };
    const cut = { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } };
    expect(await client.responses.create(asked)).toMatchObject({ ...cut, usage: { output_tokens: 5 } });
    expect(await client.responses.stream(asked).finalResponse()).toMatchObject(cut);
  });

  it("parses an answer under a zod schema, streamed and not", async () => {
    const asked = { ...calm, input: person.question, text: { format: zodTextFormat(person.schema, "person") } };
    expect((await client.responses.parse(asked)).output_parsed).toEqual(person.answer);
    expect((await client.responses.stream(asked).finalResponse()).output_parsed).toEqual(person.answer);
  });

  it.each([true, false])("calls a function and goes on from its output, by previous_response_id: %s", async (byId) => {
    const input: OpenAI.Responses.ResponseInput = [{ role: "user", content: weather.question }];
    const first = await client.responses.parse({ ...calm, input, tools: [weatherTool] });
    const call = first.output.find((item) => item.type === "function_call");
    if (call === undefined) throw new Error("no function was called");
    expect(call.name).toBe(weather.tool);
    expect(weather.arguments.parse(JSON.parse(call.arguments))).toEqual(weather.call);
    const output = {
      type: "function_call_output",
      call_id: call.call_id,
      output: JSON.stringify(weather.result),
    } as const;
    const said = first.output as OpenAI.Responses.ResponseInput;
    const second = await client.responses.create({
      ...calm,
      tools: [weatherTool],
      ...(byId ? { previous_response_id: first.id, input: [output] } : { input: [...input, ...said, output] }),
    });
    expect(second.output_text).toBe(weather.answer);
  });

  it("streams a function's arguments", async () => {
    const asked = { ...calm, input: weather.question, tools: [weatherTool], tool_choice: "required" as const };
    const stream = client.responses.stream(asked);
    let deltas = "";
    stream.on("response.function_call_arguments.delta", ({ delta }) => (deltas += delta));
    const { output } = await stream.finalResponse();
    const call = output.find((item) => item.type === "function_call");
    expect(deltas).toBe(call?.arguments);
    expect(weather.arguments.safeParse(JSON.parse(deltas)).success).toBe(true);
  });

  it("remembers a conversation, and not its instructions", async () => {
    const first = await client.responses.create({
      ...calm,
      input: "My secret word is tulip.",
      instructions: "Be kind.",
    });
    const second = await client.responses.create({ ...calm, input: count.question, previous_response_id: first.id });
    expect(second).toMatchObject({ previous_response_id: first.id, instructions: null });
    const { data } = await client.responses.inputItems.list(second.id, { order: "asc" });
    expect(data.map((item) => item.type)).toEqual(["message", "message", "message"]);
    const whole = await client.responses.create({
      ...calm,
      input: [
        { role: "user", content: "My secret word is tulip." },
        { role: "assistant", content: first.output_text },
        { role: "user", content: count.question },
      ],
    });
    expect(second.output_text).toBe(whole.output_text);
    expect(second.usage?.input_tokens).toBe(whole.usage?.input_tokens);
  });

  it("can be had again, listed page by page, and deleted", async () => {
    const input = Array.from({ length: 5 }, (_, index) => ({ role: "user" as const, content: `Note ${index}.` }));
    const created = await client.responses.create({ ...calm, input, max_output_tokens: 4 });
    expect(await client.responses.retrieve(created.id)).toEqual(created);
    const texts: string[] = [];
    for await (const item of client.responses.inputItems.list(created.id, { limit: 2, order: "asc" })) {
      if (item.type === "message" && item.content[0]?.type === "input_text") texts.push(item.content[0].text);
    }
    expect(texts).toEqual(input.map(({ content }) => content));
    await client.responses.delete(created.id);
    await expect(client.responses.retrieve(created.id)).rejects.toThrow(NotFoundError);
    await expect(
      client.responses.create({ ...calm, input: "Go on.", previous_response_id: created.id }),
    ).rejects.toMatchObject({ status: 400, code: "previous_response_not_found", param: "previous_response_id" });
  });

  it("runs in the background: polled, followed from the middle, and gone on from", async () => {
    const { id, status } = await client.responses.create({ ...calm, input: count.question, background: true });
    expect(status).toBe("queued");
    await expect.poll(async () => (await client.responses.retrieve(id)).status, { timeout: 30_000 }).toBe("completed");
    expect((await client.responses.retrieve(id)).output_text).toBe(count.answer);
    const events = [];
    for await (const event of await client.responses.retrieve(id, { stream: true })) events.push(event);
    expect(events.map(({ type }) => type).slice(0, 3)).toEqual([
      "response.created",
      "response.queued",
      "response.in_progress",
    ]);
    const rest = [];
    for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: 5 }))
      rest.push(event);
    expect(rest).toEqual(events.slice(6));
    const streamed = await client.responses
      .stream({ ...calm, input: count.question, background: true })
      .finalResponse();
    expect(streamed.output_text).toBe(count.answer);
  });

  it("is cancelled in the background", async () => {
    const endless = { ...calm, input: count.question, background: true, ignore_eos: true, max_output_tokens: 1_500 };
    const { id } = await client.responses.create(endless);
    expect((await client.responses.cancel(id)).status).toBe("cancelled");
    expect((await client.responses.retrieve(id)).status).toBe("cancelled");
    await expect(client.responses.create({ ...calm, input: "Go on.", previous_response_id: id })).rejects.toMatchObject(
      { status: 400, param: "previous_response_id" },
    );
  });

  it("names what it does not serve", async () => {
    const refused = client.responses.create({ ...calm, input: "Hello!", tools: [{ type: "web_search" }] });
    await expect(refused).rejects.toThrow(BadRequestError);
    await expect(refused).rejects.toMatchObject({ param: "tools[0]" });
    const image = { type: "input_image" as const, detail: "auto" as const, image_url: "data:image/png;base64,AA" };
    await expect(
      client.responses.create({ ...calm, input: [{ role: "user", content: [image] }] }),
    ).rejects.toMatchObject({ status: 400, param: "input[0].content[0]" });
  });
});
