import { describe, expect, test } from "vitest";
import { loadConfig } from "./config.ts";

const env = { SLUICE_MODEL_DIR: "/models/pocket" };

const budgetOf = (more: Readonly<Record<string, string>>) => loadConfig({ ...env, ...more }).limits.maxNumBatchedTokens;

describe("loadConfig", () => {
  test("needs a model directory only, and names the model after it", () => {
    expect(loadConfig(env)).toMatchObject({
      port: 50_051,
      modelId: "pocket",
      executor: { modelDir: "/models/pocket", precision: "int8", blockSize: 32, numBlocks: 1024 },
      prefixCaching: true,
      limits: { maxNumBatchedTokens: 256, maxNumSeqs: 64 },
    });
    expect(loadConfig(env).executor).not.toHaveProperty("maxModelLen");
  });

  test("takes an empty variable as absent", () => {
    expect(loadConfig({ ...env, SLUICE_BLOCK_SIZE: "" }).executor.blockSize).toBe(32);
  });

  test("prefix caching can be turned off", () => {
    expect(loadConfig({ ...env, SLUICE_PREFIX_CACHING: "off" }).prefixCaching).toBe(false);
  });

  test("guesses tokens ahead on the CPU unless it is told not to", () => {
    expect(loadConfig(env).speculation).toMatchObject({ numSpeculativeTokens: 7 });
    expect(loadConfig({ ...env, SLUICE_NUM_SPECULATIVE_TOKENS: "0" })).not.toHaveProperty("speculation");
    const webgpu = { ...env, SLUICE_DEVICE: "webgpu", SLUICE_PRECISION: "fp16" };
    expect(loadConfig(webgpu)).not.toHaveProperty("speculation");
    expect(loadConfig({ ...env, SLUICE_NUM_SPECULATIVE_TOKENS: "3" }).speculation).toEqual({
      numSpeculativeTokens: 3,
      promptLookupMax: 4,
      promptLookupMin: 2,
    });
  });

  test("memory is planned for all tokens whose logits a step may give", () => {
    expect(loadConfig({ ...env, SLUICE_MAX_NUM_SEQS: "4" }).executor).toMatchObject({ maxNumLogits: 68 });
  });

  test("an absent token budget is the device's usual one, or the least that many sequences need", () => {
    expect(budgetOf({ SLUICE_DEVICE: "webgpu", SLUICE_PRECISION: "fp16" })).toBe(512);
    expect(budgetOf({ SLUICE_MAX_NUM_SEQS: "256" })).toBe(256 - 1 + 32);
    expect(budgetOf({ SLUICE_MAX_NUM_BATCHED_TOKENS: "95" })).toBe(95);
  });

  test("runs on the CPU unless a WebGPU device is asked for", () => {
    expect(loadConfig(env).executor.device).toBe("cpu");
    const { executor } = loadConfig({ ...env, SLUICE_DEVICE: "webgpu", SLUICE_PRECISION: "fp16" });
    expect(executor).toMatchObject({ device: "webgpu", precision: "fp16", blockSize: 64, numBlocks: 512 });
  });

  test.each([
    ["SLUICE_DEVICE", { SLUICE_DEVICE: "cuda" }],
    ["SLUICE_PRECISION", { SLUICE_PRECISION: "fp16" }],
    ["SLUICE_PRECISION", { SLUICE_DEVICE: "webgpu", SLUICE_PRECISION: "fp32" }],
    ["SLUICE_BLOCK_SIZE", { SLUICE_DEVICE: "webgpu", SLUICE_BLOCK_SIZE: "16" }],
    ["SLUICE_PREFIX_CACHING", { SLUICE_PREFIX_CACHING: "yes" }],
    ["SLUICE_NUM_SPECULATIVE_TOKENS", { SLUICE_NUM_SPECULATIVE_TOKENS: "32" }],
    [
      "SLUICE_NUM_SPECULATIVE_TOKENS",
      { SLUICE_NUM_SPECULATIVE_TOKENS: "1", SLUICE_DEVICE: "webgpu", SLUICE_PRECISION: "fp16" },
    ],
    ["SLUICE_PROMPT_LOOKUP_MIN", { SLUICE_PROMPT_LOOKUP_MAX: "3", SLUICE_PROMPT_LOOKUP_MIN: "4" }],
    ["SLUICE_MODEL_DIR", { SLUICE_MODEL_DIR: undefined }],
    ["SLUICE_ENGINE_PORT", { SLUICE_ENGINE_PORT: "65536" }],
    ["SLUICE_NUM_BLOCKS", { SLUICE_NUM_BLOCKS: "many" }],
    ["SLUICE_NUM_BLOCKS", { SLUICE_NUM_BLOCKS: "0" }],
    ["SLUICE_BLOCK_SIZE", { SLUICE_BLOCK_SIZE: "128" }],
    ["SLUICE_PRECISION", { SLUICE_PRECISION: "fp64" }],
    ["SLUICE_MAX_NUM_BATCHED_TOKENS", { SLUICE_MAX_NUM_BATCHED_TOKENS: "8" }],
  ])("names %s in one line when it is wrong", (name, bad) => {
    expect(() => loadConfig({ ...env, ...bad })).toThrow(new RegExp(`^${name}: [^\n]+$`));
  });
});
