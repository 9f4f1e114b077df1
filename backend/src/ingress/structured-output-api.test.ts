import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ByteGrammar } from "./fixtures/byte-grammar.ts";
import { answer, refuse, ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { TestRegion } from "./fixtures/test-region.ts";
import { bytesOf, hello } from "./fixtures/wire.ts";
import { planGrammar } from "./grammar/plan-grammar.ts";

const engine = new ScriptedEngine();
let region: TestRegion;

beforeAll(async () => {
  await engine.start();
  region = await TestRegion.start([engine]);
});

afterAll(async () => {
  await region.stop();
  engine.kill();
});

const schema = { type: "object", properties: { age: { type: "integer" } }, required: ["age"] };

/** The grammar that reaches the engine. */
async function grammarOf(fields: object, route = "/v1/chat/completions"): Promise<ByteGrammar | undefined> {
  engine.script = (call) => answer(call, [bytesOf("x")]);
  const response = await region.post(route, route.endsWith("chat/completions") ? { ...hello, ...fields } : fields);
  expect(response.status).toBe(200);
  await response.text();
  const ebnf = engine.requests.at(-1)?.grammar?.ebnf;
  return ebnf === undefined ? undefined : new ByteGrammar(ebnf);
}

async function refusalOf(fields: object): Promise<unknown> {
  const response = await region.post("/v1/chat/completions", { ...hello, ...fields });
  expect(response.status).toBe(400);
  return ((await response.json()) as { error: unknown }).error;
}

test.each<[object, string, string]>([
  [{ response_format: { type: "json_schema", json_schema: { name: "a", schema, strict: true } } }, '{"age": 3}', "{}"],
  [{ response_format: { type: "json_schema", json_schema: { name: "a", schema } } }, '{"age":3}', '{"age":"x"}'],
  [{ response_format: { type: "json_object" } }, '{"any":[1,"thing"]}', "[]"],
  [{ guided_json: schema }, '{"age": 3}', "{}"],
  [{ guided_json: JSON.stringify(schema) }, '{"age": 3}', "{}"],
  [{ guided_regex: "\\d{3}-[éa]+" }, "123-éa", "x123-éa"],
  [{ guided_choice: ["yes", 'no "way"'] }, 'no "way"', "no"],
  [{ structured_outputs: { json: schema } }, '{"age": 3}', "{}"],
  [{ structured_outputs: { json_object: true } }, "{}", "1"],
  [{ structured_outputs: { regex: "^a|b$" } }, "b", "ab"],
  [{ structured_outputs: { choice: ["α", "β"] } }, "β", "γ"],
])("%j reaches the engine as its grammar", async (fields, good, bad) => {
  const grammar = await grammarOf(fields);
  expect(grammar?.accepts(good)).toBe(true);
  expect(grammar?.accepts(bad)).toBe(false);
});

test.each([
  { response_format: { type: "text" } },
  { response_format: null, structured_outputs: {}, guided_choice: null },
  { guided_decoding_backend: "xgrammar" },
])("%j asks for nothing", async (fields) => {
  expect(await grammarOf(fields)).toBeUndefined();
});

test("text completions take the same", async () => {
  const fields = { model: "tiny", prompt: ["a", "b"], guided_choice: ["yes", "no"] };
  expect((await grammarOf(fields, "/v1/completions"))?.accepts("no")).toBe(true);
});

test.each<[object, object]>([
  [
    { response_format: { type: "json_schema", json_schema: { name: "a", schema: { ...schema, not: {} } } } },
    { code: "unsupported_parameter", param: "response_format.json_schema.schema.not" },
  ],
  [{ guided_json: { type: "array", uniqueItems: true } }, { param: "guided_json.uniqueItems" }],
  [{ guided_json: "{" }, { param: "guided_json" }],
  [{ guided_regex: "(?=a)" }, { code: "invalid_value", param: "guided_regex" }],
  [{ guided_choice: [] }, { param: "guided_choice" }],
  [
    { guided_choice: ["a"], guided_regex: "a" },
    { code: "invalid_value", param: "guided_choice" },
  ],
  [{ guided_grammar: "root ::= x" }, { code: "unsupported_parameter", param: "guided_grammar" }],
  [{ structured_outputs: { structural_tag: "{}" } }, { param: "structured_outputs.structural_tag" }],
  [
    { response_format: { type: "json_schema", json_schema: { name: "a b", schema } } },
    { param: "response_format.json_schema.name" },
  ],
])("%j is refused, naming the parameter", async (fields, expected) => {
  expect(await refusalOf(fields)).toMatchObject({ type: "invalid_request_error", ...expected });
});

test("what an engine cannot compile is the caller's fault, and named", async () => {
  engine.script = (call) => refuse(call, status.INVALID_ARGUMENT, "x", { "sluice-error-code": "invalid_grammar" });
  expect(await refusalOf({ guided_json: schema })).toMatchObject({ code: "invalid_grammar", param: "guided_json" });
});

test("a grammar that gets too long is refused before it is sent", () => {
  const schema = { enum: Array.from({ length: 9_000 }, (_, index) => `${index} is a choice of some length`) };
  expect(() => planGrammar({ guided_json: schema })).toThrow("too complex");
});
