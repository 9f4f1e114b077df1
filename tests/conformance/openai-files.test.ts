import OpenAI, { BadRequestError, NotFoundError, toFile } from "openai";
import { expect, inject, it } from "vitest";
import { documentedFetch } from "./published/documented-fetch.ts";

const { baseUrl, apiKey, model } = inject("stack");
const client = new OpenAI({ baseURL: baseUrl, apiKey, fetch: documentedFetch(baseUrl), maxRetries: 0 });

const line = { custom_id: "a", method: "POST", url: "/v1/completions", body: { model, prompt: "zwölf" } };
const content = `${JSON.stringify(line)}\n`;

const upload = async (name: string): Promise<OpenAI.FileObject> =>
  client.files.create({
    file: await toFile(Buffer.from(content), name),
    purpose: "batch",
    expires_after: { anchor: "created_at", seconds: 3_600 },
  });

it("keeps a file: listed, described, read back and deleted", async () => {
  const file = await upload("größe.jsonl");
  expect(file).toMatchObject({ filename: "größe.jsonl", bytes: Buffer.byteLength(content), purpose: "batch" });
  expect((file.expires_at ?? 0) - file.created_at).toBe(3_600);
  expect(await client.files.retrieve(file.id)).toEqual(file);
  expect(await (await client.files.content(file.id)).text()).toBe(content);
  expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: "file", deleted: true });
  await expect(client.files.content(file.id)).rejects.toThrow(NotFoundError);
});

it("lists files page by page", async () => {
  const files = [await upload("a.jsonl"), await upload("b.jsonl"), await upload("c.jsonl")];
  const listed: string[] = [];
  for await (const { id } of client.files.list({ limit: 2, order: "asc", purpose: "batch" })) listed.push(id);
  expect(listed).toEqual(expect.arrayContaining(files.map(({ id }) => id)));
  await Promise.all(files.map(async ({ id }) => client.files.delete(id)));
});

it("takes no file for a purpose that it does not serve", async () => {
  const file = await toFile(Buffer.from(content), "a.jsonl");
  const refused = client.files.create({ file, purpose: "fine-tune" });
  await expect(refused).rejects.toThrow(BadRequestError);
  await expect(refused).rejects.toMatchObject({ param: "purpose" });
});
