import { readFile } from "node:fs/promises";
import { describe, expect, test, vi } from "vitest";
import { parseConfig } from "#engine/graph/config.ts";
import { missingDevice } from "./missing-device.ts";
import { checkWindows } from "./window-check.ts";

// Four lanes, on lavapipe.
vi.stubEnv("LP_NATIVE_VECTOR_WIDTH", "128");
const missing = await missingDevice();
const golden = new URL("../../../../test-data/golden/", import.meta.url);
const configOf = async (name: string) =>
  parseConfig(JSON.parse(await readFile(new URL(`${name}/config.json`, golden), "utf8")));

describe.skipIf(missing !== undefined)("the check of windows", () => {
  test("refuses a model with windows on a device of narrow subgroups", async () => {
    await expect(checkWindows(await configOf("mistral"))).rejects.toThrow("sliding_window");
  });

  test("does not trouble a model without windows", async () => {
    await expect(checkWindows(await configOf("qwen3"))).resolves.toBeUndefined();
  });
});
