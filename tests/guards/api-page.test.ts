// docs/api.md says of every parameter of a request what becomes of it, and the README repeats it in short.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { AppError } from "@sluice/shared/errors.ts";
import { batchRequestSchema } from "@sluice/shared/openai/batch-request.ts";
import { chatCompletionRequestSchema } from "@sluice/shared/openai/chat-completion-request.ts";
import { completionRequestSchema } from "@sluice/shared/openai/completion-request.ts";
import { embeddingRequestSchema } from "@sluice/shared/openai/embedding-request.ts";
import { inputTokensRequestSchema } from "@sluice/shared/openai/input-tokens.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { responseRequestSchema } from "@sluice/shared/openai/response-request.ts";
import { detokenizeRequestSchema, tokenizeRequestSchema } from "@sluice/shared/openai/tokenize-request.ts";
import { expect, test } from "vitest";
import type * as z from "zod/mini";

const root = path.join(import.meta.dirname, "../..");
const page = await readFile(path.join(root, "docs/api.md"), "utf8");
const readme = await readFile(path.join(root, "README.md"), "utf8");

type Fate = "works" | "accepted" | "refused";
type RequestSchema = z.ZodMiniObject;

const endpoints: Readonly<Record<string, { readonly schema: RequestSchema; readonly least: object }>> = {
  "/v1/chat/completions": {
    schema: chatCompletionRequestSchema,
    least: { model: "m", messages: [{ role: "user", content: "" }] },
  },
  "/v1/completions": { schema: completionRequestSchema, least: { model: "m", prompt: "a" } },
  "/v1/responses": { schema: responseRequestSchema, least: { model: "m", input: "a" } },
  "/v1/responses/input_tokens": { schema: inputTokensRequestSchema, least: { model: "m", input: "a" } },
  "/v1/embeddings": { schema: embeddingRequestSchema, least: { model: "m", input: "a" } },
  "/v1/batches": {
    schema: batchRequestSchema,
    least: { input_file_id: "f", endpoint: "/v1/embeddings", completion_window: "24h" },
  },
  "/v1/tokenize": { schema: tokenizeRequestSchema, least: { model: "m", prompt: "a" } },
  "/v1/detokenize": { schema: detokenizeRequestSchema, least: { model: "m", tokens: [] } },
};

/** parameter -> what a text says becomes of it. */
function fatesIn(text: string): Map<string, Fate> {
  const rows = text.matchAll(/^\| `(\w+)`(?: °)? *\| (works|accepted|refused) *\|/gm);
  return new Map([...rows].map(([, name = "", fate]) => [name, fate as Fate]));
}

function sectionOf(endpoint: string): string {
  const [, section = ""] = page.split(`## POST ${endpoint}\n`);
  return section.split("\n## ")[0] ?? "";
}

/** Whether a value that nobody could mean is refused as one that is not supported. */
function isRefused(name: string, { schema, least }: { schema: RequestSchema; least: object }): boolean {
  try {
    parseRequest(schema, { ...least, [name]: { some: "thing" } });
    return false;
  } catch (thrown) {
    return thrown instanceof AppError && thrown.code === "unsupported_parameter" && thrown.param === name;
  }
}

test.each(Object.entries(endpoints))("%s: every parameter is on the page, and no other", (endpoint, { schema }) => {
  expect([...fatesIn(sectionOf(endpoint)).keys()].toSorted()).toEqual(Object.keys(schema.shape).toSorted());
});

test.each(Object.entries(endpoints))("%s: what the page calls refused is, and nothing else", (endpoint, request) => {
  const fates = [...fatesIn(sectionOf(endpoint))];
  const wrong = fates.filter(([name, fate]) => (fate === "refused") !== isRefused(name, request));
  expect(wrong).toEqual([]);
});

test.each(["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings"])(
  "%s: the README says the same",
  (endpoint) => {
    const fates = fatesIn(sectionOf(endpoint));
    const [, works = "", accepted = "", refused = ""] =
      readme
        .split("\n")
        .find((line) => line.startsWith(`| \`${endpoint}\` |`))
        ?.split(" | ") ?? [];
    const told = new Map<string, Fate>();
    for (const [cell, fate] of [
      [works, "works"],
      [accepted, "accepted"],
      [refused, "refused"],
    ] as const) {
      for (const [, name = ""] of cell.matchAll(/`(\w+)`/g)) told.set(name, fate);
    }
    const byName = (entries: Map<string, Fate>) =>
      Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    expect(byName(told)).toEqual(byName(fates));
  },
);

test("a row that is missing, or wrong, is seen", () => {
  expect(fatesIn("| `a` | works | |\n| `b` ° | refused | (1) |\ntext `c`")).toEqual(
    new Map<string, Fate>([
      ["a", "works"],
      ["b", "refused"],
    ]),
  );
  const request = endpoints["/v1/chat/completions"]!;
  expect([isRefused("audio", request), isRefused("user", request)]).toEqual([true, false]);
});
