import { freemem } from "node:os";
import { constrainedMemory, memoryUsage } from "node:process";
import type { DecoderConfig } from "#engine/graph/config.ts";
import type { Precision } from "#engine/graph/linear.ts";
import { planMemory } from "./memory-plan.ts";
import type { MemoryNeeds, MemoryPlan } from "./memory-plan.ts";

/** The model does not fit; the message names what it needs, what there is, and settings that would fit. */
export class MemoryBudgetError extends Error {
  override readonly name = "MemoryBudgetError";
}

/** The rest is left to what is not planned: garbage not yet collected, the process's own growth, neighbours. */
const shareOfFree = 0.9;

/**
 * What may be used when nobody says: most of what the machine has free, page cache included, or of what the process's
 * container leaves it. Neither alone will do: a container sees the whole machine's free memory, and its own count of
 * used memory includes the page cache of a checkpoint just downloaded, so only the process's own share is subtracted.
 */
export function defaultMemoryBudgetBytes(): number {
  // 0 where the system has no such limit, and beyond any machine's memory where it is set to none.
  const limit = constrainedMemory();
  const left = limit > 0 ? Math.max(0, limit - memoryUsage.rss()) : Infinity;
  return Math.floor(shareOfFree * Math.min(freemem(), left));
}

/** @throws MemoryBudgetError when the model needs more than `budgetBytes`. */
export function checkMemory(config: DecoderConfig, needs: MemoryNeeds, budgetBytes: number): MemoryPlan {
  const plan = planMemory(config, needs);
  if (plan.totalBytes <= budgetBytes) return plan;
  const { weightsBytes, kvBytes, scratchBytes, totalBytes } = plan;
  throw new MemoryBudgetError(
    `${needs.precision} weights with ${needs.numBlocks} KV blocks need ${size(totalBytes)} of memory (weights ` +
      `${size(weightsBytes)}, KV ${size(kvBytes)}, scratch ${size(scratchBytes)}), but the budget is ` +
      `${size(budgetBytes)}; ${suggest(config, needs, budgetBytes)}`,
  );
}

// precision -> itself and those that take less memory, the finest first
const precisionsFrom = {
  fp32: ["fp32", "int8", "int4"],
  int8: ["int8", "int4"],
  int4: ["int4"],
} as const satisfies Record<Precision, readonly Precision[]>;

/** Each precision that fits at all, with the most blocks it leaves room for. */
function suggest(config: DecoderConfig, needs: MemoryNeeds, budgetBytes: number): string {
  const precisions = precisionsFrom[needs.precision];
  const fitting = precisions
    .map((precision) => ({ precision, numBlocks: mostBlocks(config, { ...needs, precision }, budgetBytes) }))
    .filter(({ numBlocks }) => numBlocks > 0)
    .map(({ precision, numBlocks }) => `${precision} with ${numBlocks} blocks`);
  if (fitting.length > 0) return `what would fit: ${fitting.join(", ")}`;
  const least = planMemory(config, { ...needs, precision: "int4", numBlocks: 1 }).totalBytes;
  return `even int4 with one block needs ${size(least)}: take a smaller model or a larger budget`;
}

/** The most blocks that fit, no more than are wanted; 0 when not even one does. */
function mostBlocks(config: DecoderConfig, needs: MemoryNeeds, budgetBytes: number): number {
  let fits = 0;
  let exceeds = needs.numBlocks + 1;
  while (exceeds - fits > 1) {
    const numBlocks = Math.floor((fits + exceeds) / 2);
    if (planMemory(config, { ...needs, numBlocks }).totalBytes <= budgetBytes) fits = numBlocks;
    else exceeds = numBlocks;
  }
  return fits;
}

function size(bytes: number): string {
  const units = ["KiB", "MiB", "GiB"];
  let value = bytes / 1024;
  while (value >= 1024 && units.length > 1) {
    value /= 1024;
    units.shift();
  }
  return `${value.toFixed(1)} ${units[0]}`;
}
