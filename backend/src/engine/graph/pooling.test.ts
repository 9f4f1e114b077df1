import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { readPooling } from "./pooling.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";

/** file -> its text, or what it says in JSON. */
async function poolingOf(files: Readonly<Record<string, unknown>>): Promise<string> {
  await using folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder.path, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  }
  return await readPooling(folder.path);
}

const module = (name: string, path: string) => ({
  idx: 0,
  name: "0",
  path,
  type: `sentence_transformers.models.${name}`,
});
const mean = { word_embedding_dimension: 64, pooling_mode_cls_token: false, pooling_mode_mean_tokens: true };
const last = { ...mean, pooling_mode_mean_tokens: false, pooling_mode_lasttoken: true };

test("is the last token's where nothing is said", async () => {
  expect(await poolingOf({})).toBe("last");
});

test("is what the pooling module's folder says, wherever modules.json puts it", async () => {
  expect(await poolingOf({ "1_Pooling/config.json": mean })).toBe("mean");
  expect(await poolingOf({ "1_Pooling/config.json": last })).toBe("last");
  const modules = [module("Transformer", ""), module("Pooling", "pool"), module("Normalize", "2_Normalize")];
  expect(await poolingOf({ "modules.json": modules, "pool/config.json": mean, "1_Pooling/config.json": last })).toBe(
    "mean",
  );
});

test.each<[string, Readonly<Record<string, unknown>>]>([
  ["pooling_mode_cls_token", { "1_Pooling/config.json": { ...mean, pooling_mode_cls_token: true } }],
  ["pooling_mode_max_tokens", { "1_Pooling/config.json": { pooling_mode_max_tokens: true } }],
  ["no pooling mode", { "1_Pooling/config.json": {} }],
  ["include_prompt", { "1_Pooling/config.json": { ...mean, include_prompt: false } }],
  ["models.Dense", { "modules.json": [module("Transformer", ""), module("Dense", "2_Dense")] }],
  ["1_Pooling/config.json", { "1_Pooling/config.json": [] }],
  ["1_Pooling/config.json", { "1_Pooling/config.json": "{oops" }],
  ["modules.json", { "modules.json": {} }],
  ["models.Pooling", { "modules.json": [module("Pooling", "../elsewhere")] }],
])("refuses by name: %s", async (named, files) => {
  await expect(poolingOf(files)).rejects.toThrow(named);
});
