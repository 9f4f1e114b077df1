import { FinishReason } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { describe, expect, test } from "vitest";
import { ask, lamp, type ResponsesRegion, responsesRegion } from "./fixtures/responses-region.ts";
import { answer } from "./fixtures/scripted-engine.ts";
import { bytesOf } from "./fixtures/wire.ts";

let responses: ResponsesRegion;
responsesRegion((one) => {
  responses = one;
});

const call = (on: boolean) => `<tool_call>\n{"name": "lamp", "arguments": {"on": ${on}}}\n</tool_call>`;

describe("functions", () => {
  test("are called beside text, each as an item of its own, their arguments in pieces", async () => {
    const said = `Sure.\n${call(true)}\n${call(false)}`;
    responses.engine.script = (generate) =>
      answer(
        generate,
        bytesOf(said).map((id) => [id]),
      );
    const events = await responses.eventsOf({ ...ask, tools: [lamp] });
    const types = events.map(({ type }) => type).filter((type) => !type.endsWith(".delta"));
    expect(types).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.output_item.added",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.output_item.added",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.completed",
    ]);
    const deltas = events.filter((event) => event.type === "response.function_call_arguments.delta");
    expect(deltas.length).toBeGreaterThan(4);
    const firstCall = deltas.filter((event) => event.output_index === 1);
    expect(firstCall.map(({ delta }) => delta).join("")).toBe('{"on": true}');
    const { output } = await responses.create({ tools: [lamp] });
    expect(output).toMatchObject([
      { type: "message", content: [{ text: "Sure." }] },
      { type: "function_call", name: "lamp", arguments: '{"on": true}', status: "completed" },
      { type: "function_call", name: "lamp", arguments: '{"on": false}', status: "completed" },
    ]);
    const calls = output.filter((item) => item.type === "function_call");
    expect(new Set(calls.map((item) => item.call_id)).size).toBe(2);
  });

  test("are strict unless they say otherwise", async () => {
    const { strict: _strict, ...unsaid } = lamp;
    const response = await responses.create({ tools: [unsaid], tool_choice: "required" });
    expect(response.tools[0]).toMatchObject({ strict: true });
    expect(responses.engine.requests[0]?.grammar?.ebnf).toContain("lamp");
    await responses.create({ tools: [unsaid] });
    expect(responses.engine.requests[1]?.grammar).toBeDefined();
    await responses.create({ tools: [{ ...unsaid, strict: false }] });
    expect(responses.engine.requests[2]?.grammar).toBeUndefined();
  });

  test("a call that the length cuts off is incomplete", async () => {
    responses.engine.script = (generate) => answer(generate, [bytesOf(call(true).slice(0, 50))], FinishReason.LENGTH);
    const { output } = await responses.create({ tools: [lamp] });
    expect(output).toMatchObject([{ type: "function_call", status: "incomplete" }]);
  });

  test("some of them may be allowed, and one of them required", async () => {
    const ring = { ...lamp, name: "ring" };
    const tools = [lamp, ring];
    const allowed = { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "ring" }] };
    await responses.create({ tools, tool_choice: allowed });
    const ebnf = responses.engine.requests[0]?.grammar?.ebnf ?? "";
    expect(ebnf).toContain("ring");
    expect(ebnf).not.toContain("lamp");
    const unknown = { ...allowed, tools: [{ type: "function", name: "other" }] };
    expect(await responses.refusalOf({ tools, tool_choice: unknown })).toMatchObject({ param: "tool_choice" });
  });
});
