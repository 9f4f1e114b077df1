// Characters of several bytes, in tokens that end anywhere: what a caller hears is whole, always.
import { FinishReason } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type OpenAI from "openai";
import { expect, test } from "vitest";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import type { GenerateCall, ScriptedEngine } from "./fixtures/scripted-engine.ts";
import type { TestRegion } from "./fixtures/test-region.ts";
import { bytesOf, eventsOf, hello } from "./fixtures/wire.ts";

const numOutputs = 10_000;
const numChoices = 125;
const alphabet = Array.from("aé߿ࠀ日本語한글ไทยअ🦊🏳️‍🌈👩‍👩‍👧𐍈\u{10FFFF}\u{10000}\uFFFC\uD7FF\uE000é\u200D\uFEFF \n<");

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest(
  (...started) => {
    [engine, region] = started;
  },
  {
    files: {
      "chat_template.jinja":
        "{{ tools }}<tool_call>{{ messages[0].content }}<think></think>{% if 0 %}</think>{% endif %}",
    },
  },
);

let seed = 20_261_128;
function draw(below: number): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
}

function drawText(): string {
  // White space at the ends is the readers', not the text's.
  return `x${Array.from({ length: 1 + draw(12) }, () => alphabet[draw(alphabet.length)]).join("")}x`;
}

/** Sends every choice's tokens in messages of one to four, in turns, and ends. */
function sendInTurns(call: GenerateCall, outputs: readonly string[]): void {
  const rests = outputs.map(bytesOf);
  while (rests.some((rest) => rest.length > 0)) {
    for (const [index, rest] of rests.entries()) {
      const tokenIds = rest.splice(0, 1 + draw(4));
      if (tokenIds.length > 0) call.write({ tokenIds, index });
    }
  }
  const finish = { reason: FinishReason.LENGTH, promptTokens: 1, completionTokens: 1, cachedTokens: 0 };
  for (const index of outputs.keys()) call.write({ tokenIds: [], index, finish });
  call.end();
}

/** The pieces of each choice, as they were streamed. */
async function piecesOf(outputs: readonly string[], fields: object): Promise<string[][]> {
  engine.script = (call) => sendInTurns(call, outputs);
  const body = { ...hello, ...fields, n: outputs.length, stream: true };
  const events = eventsOf(await (await region.post("/v1/chat/completions", body)).text());
  expect(events.pop()).toBe("[DONE]");
  const pieces: string[][] = outputs.map(() => []);
  for (const { choices } of events as OpenAI.ChatCompletionChunk[]) {
    for (const { index, delta } of choices) pieces[index]?.push(delta.content ?? "");
  }
  return pieces;
}

/** Whether every piece is made of whole characters. */
const isWhole = (pieces: readonly string[] = []): boolean =>
  pieces.every((piece) => !piece.includes("\uFFFD") && piece.isWellFormed());

const tools = [{ type: "function", function: { name: "f" } }];

test(`${numOutputs} streamed outputs have no broken character, and are what the tokens say`, async () => {
  let numRight = 0;
  for (let round = 0; round < numOutputs / numChoices; round += 1) {
    const outputs = Array.from({ length: numChoices }, drawText);
    const fields = [{}, { tools }, { stop: ["🦊🦊🦊🦊", "</"] }][round % 3] ?? {};
    const pieces = await piecesOf(outputs, fields);
    numRight += outputs.filter((output, index) => isWhole(pieces[index]) && pieces[index]?.join("") === output).length;
  }
  expect(numRight).toBe(numOutputs);
}, 240_000);

test("one that breaks off inside a character ends before it", async () => {
  engine.script = (call) => {
    for (const id of bytesOf("日本").slice(0, 5)) call.write({ tokenIds: [id] });
    const finish = { reason: FinishReason.LENGTH, promptTokens: 1, completionTokens: 5, cachedTokens: 0 };
    call.write({ tokenIds: [], finish });
    call.end();
  };
  const text = await (await region.post("/v1/chat/completions", { ...hello, stream: true })).text();
  expect(text).toContain("日");
  expect(text).not.toContain("\uFFFD");
});
