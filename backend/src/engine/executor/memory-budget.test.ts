import { existsSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseConfig } from "#engine/graph/config.ts";
import type { Precision } from "#engine/graph/linear.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { createCpuExecutor } from "./cpu-executor.ts";
import { readGoldenCase } from "./golden-case.ts";
import { MemoryBudgetError, checkMemory, defaultMemoryBudgetBytes } from "./memory-budget.ts";
import { planMemory } from "./memory-plan.ts";

// The shape of Qwen2.5-0.5B.
const config = parseConfig({
  model_type: "qwen2",
  vocab_size: 151_936,
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  max_position_embeddings: 32_768,
  tie_word_embeddings: true,
});
const needs = {
  precision: "fp32",
  embeddingBytes: 2 * 151_936 * 896,
  blockSize: 32,
  tileSize: 64,
  numBlocks: 1024,
  maxModelLen: 32_768,
  maxNumLogits: 64,
} as const;

test("lets a model in that needs exactly the budget, and refuses it one byte below", () => {
  const { totalBytes } = planMemory(config, needs);
  expect(checkMemory(config, needs, totalBytes).totalBytes).toBe(totalBytes);
  expect(() => checkMemory(config, needs, totalBytes - 1)).toThrow(MemoryBudgetError);
});

test("names the parts, the budget and what would fit", () => {
  expect(refusal(2 * 2 ** 30)).toMatchInlineSnapshot(
    `"fp32 weights with 1024 KV blocks need 3.4 GiB of memory (weights 2.1 GiB, KV 768.0 MiB, scratch 583.3 MiB), but the budget is 2.0 GiB; what would fit: int8 with 976 blocks, int4 with 1024 blocks"`,
  );
  expect(refusal(2 ** 29)).toMatchInlineSnapshot(
    `"fp32 weights with 1024 KV blocks need 3.4 GiB of memory (weights 2.1 GiB, KV 768.0 MiB, scratch 583.3 MiB), but the budget is 512.0 MiB; even int4 with one block needs 1.1 GiB: take a smaller model or a larger budget"`,
  );
});

test("what it suggests fits, and one block more does not", () => {
  const { totalBytes } = planMemory(config, needs);
  fc.assert(
    fc.property(fc.integer({ min: 2 ** 29, max: totalBytes - 1 }), (budgetBytes) => {
      for (const [, precision = "", blocks = ""] of refusal(budgetBytes).matchAll(/(\w+) with (\d+) blocks/g)) {
        const suggested = { ...needs, precision: precision as Precision, numBlocks: Number(blocks) };
        expect(planMemory(config, suggested).totalBytes).toBeLessThanOrEqual(budgetBytes);
        const more = planMemory(config, { ...suggested, numBlocks: suggested.numBlocks + 1 });
        expect(suggested.numBlocks === needs.numBlocks || more.totalBytes > budgetBytes).toBe(true);
      }
    }),
  );
});

test("refuses before weights are read, quantized or cached", async () => {
  await using folder = await temporaryFolder();
  const { modelDir } = await readGoldenCase("qwen2");
  const cacheDir = join(folder.path, "cache");
  const options = { modelDir, precision: "int8", blockSize: 16, numBlocks: 8, numThreads: 1, cacheDir } as const;
  await expect(createCpuExecutor({ ...options, memoryBudgetBytes: 1000 })).rejects.toThrow(MemoryBudgetError);
  expect(existsSync(cacheDir)).toBe(false);
});

test("takes less than what is free when nobody names a budget", () => {
  const budgetBytes = defaultMemoryBudgetBytes();
  expect(budgetBytes).toBeGreaterThan(0);
  expect(budgetBytes).toBeLessThan(freemem());
});

function refusal(budgetBytes: number): string {
  try {
    checkMemory(config, needs, budgetBytes);
    return "";
  } catch (error) {
    if (error instanceof MemoryBudgetError) return error.message;
    throw error;
  }
}
