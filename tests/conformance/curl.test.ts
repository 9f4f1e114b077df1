// As OpenAI's documentation has its readers call it.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, inject, it } from "vitest";
import { assertPublished } from "./published/published-schemas.ts";
import { count } from "./questions.ts";

const { baseUrl, apiKey, model } = inject("stack");
const run = promisify(execFile);

async function curl(path: string, ...options: string[]): Promise<string> {
  const authorization = `Authorization: Bearer ${apiKey}`;
  return (await run("curl", ["--silent", "--show-error", `${baseUrl}${path}`, "-H", authorization, ...options])).stdout;
}

const json = ["-H", "Content-Type: application/json"];
const asking = { model, temperature: 0, messages: [{ role: "user", content: count.question }] };

describe("curl", () => {
  it("has an answer", async () => {
    const answer: unknown = JSON.parse(await curl("/chat/completions", ...json, "-d", JSON.stringify(asking)));
    assertPublished("CreateChatCompletionResponse", answer);
    expect(answer).toMatchObject({ choices: [{ message: { content: count.answer } }] });
  });

  it("has a stream, line by line", async () => {
    const stream = await curl("/chat/completions", "-N", ...json, "-d", JSON.stringify({ ...asking, stream: true }));
    const data = stream.split("\n").filter((line) => line.startsWith("data: "));
    expect(data.at(-1)).toBe("data: [DONE]");
    expect(data.length).toBeGreaterThan(20);
  });

  it("uploads a file, and deletes it", async () => {
    const upload = ["-F", "purpose=batch", "-F", `file=@${import.meta.filename};filename=curl.jsonl`];
    const file = JSON.parse(await curl("/files", ...upload)) as { id: string };
    assertPublished("OpenAIFile", file);
    const deleted: unknown = JSON.parse(await curl(`/files/${file.id}`, "-X", "DELETE"));
    expect(deleted).toEqual({ id: file.id, object: "file", deleted: true });
  });

  it("sees what is wrong, and the status that says so", async () => {
    const wrong = [...json, "-d", "{", "--write-out", "\n%{http_code}"];
    const [body = "", status] = (await curl("/chat/completions", ...wrong)).split("\n");
    assertPublished("ErrorResponse", JSON.parse(body));
    expect(status).toBe("400");
  });

  it("asks again over the same connection", async () => {
    const counting = ["--next", "--silent", `${baseUrl}/models`, "-H", `Authorization: Bearer ${apiKey}`];
    const report = ["--output", "/dev/null", "--write-out", "%{num_connects} "];
    expect(await curl("/models", ...report, ...counting, ...report)).toBe("1 0 ");
  });
});
