import { describe, expect, test } from "vitest";
import { chatCompletionRequestSchema } from "./chat-completion-request.ts";
import { parseRequest } from "./parse-request.ts";

const user = { role: "user", content: "hi" };
const ask = (...ids: string[]) => ({
  role: "assistant",
  content: null,
  tool_calls: ids.map((id) => ({ id, type: "function", function: { name: "f", arguments: "{}" } })),
});
const tell = (id: string) => ({ role: "tool", tool_call_id: id, content: "1" });
const parse = (...messages: object[]) => parseRequest(chatCompletionRequestSchema, { model: "pocket", messages });

describe("a history is refused where calls and answers do not fit together", () => {
  test.each<[string, object[], string, RegExp]>([
    ["an answer to nothing", [user, tell("a")], "messages[1].role", /must be a response to a preceding message/],
    ["an answer first of all", [tell("a"), user], "messages[0].role", /must be a response to a preceding message/],
    [
      "an answer to a message without calls",
      [{ ...ask(), content: "no" }, tell("a")],
      "messages[1].role",
      /response to/,
    ],
    ["an answer that comes late", [ask("a"), tell("a"), user, tell("a")], "messages[3].role", /response to/],
    ["an answer to another call", [ask("a"), tell("b")], "messages[1].tool_call_id", /not found in the 'tool_calls'/],
    [
      "an answer to an earlier call",
      [ask("a"), tell("a"), ask("b"), tell("a")],
      "messages[3].tool_call_id",
      /not found/,
    ],
    ["a call without an answer", [user, ask("a"), user], "messages[2].role", /must be followed by tool messages/],
    ["one of two without an answer", [ask("a", "b"), tell("b"), user], "messages[2].role", /must be followed by/],
    ["a call without an answer at the end", [user, ask("a")], "messages[1].role", /must be followed by/],
    ["one of two without an answer at the end", [ask("a", "b"), tell("a")], "messages[1].role", /must be followed by/],
    ["two messages with calls in a row", [ask("a"), ask("b"), tell("a"), tell("b")], "messages[1].role", /followed by/],
  ])("%s", (_, messages, param, publicText) => {
    const refusal = { code: "invalid_value", param, publicText: expect.stringMatching(publicText) as string };
    expect(() => parse(...messages)).toThrow(expect.objectContaining(refusal));
  });

  test("and no id of the caller's is told", () => {
    for (const messages of [[tell("private")], [ask("a"), tell("private")], [ask("private"), user]]) {
      expect(() => parse(...messages)).toThrow(
        expect.objectContaining({ publicText: expect.not.stringContaining("private") as string }),
      );
    }
  });
});

test("answers come in any order, more than once, in several turns", () => {
  const messages = [user, ask("a", "b"), tell("b"), tell("a"), tell("b"), user, ask("a"), tell("a")];
  expect(parse(...messages).messages).toHaveLength(messages.length);
});
