import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { z } from "zod";

const eventSchema = z.looseObject({
  name: z.string(),
  cat: z.string().optional(),
  dur: z.number().default(0),
  args: z.looseObject({ op_name: z.string().optional() }).default({}),
});

interface Run {
  readonly durationUs: number;
  // part -> microseconds
  readonly parts: ReadonlyMap<string, number>;
}

const PRODUCTS = new Set(["MatMulNBits", "MatMulIntegerToFloat", "FusedMatMul"]);

/** Milliseconds of the last `numRuns` runs by what their nodes do, from the only profile in the folder. */
export async function readNativeProfile(folder: string, numRuns: number): Promise<ReadonlyMap<string, number>> {
  const [file = ""] = await readdir(folder);
  const runs = await readLastRuns(join(folder, file), numRuns);
  const total = new Map<string, number>();
  const add = (part: string, us: number): void => void total.set(part, (total.get(part) ?? 0) + us / 1e3);
  for (const { durationUs, parts } of runs) {
    let betweenUs = durationUs;
    for (const [part, us] of parts) {
      add(part, us);
      betweenUs -= us;
    }
    add("between nodes", betweenUs);
  }
  return total;
}

/** The file has an event a line, a run's own after those of its nodes, and may be larger than the longest string. */
async function readLastRuns(path: string, numRuns: number): Promise<readonly Run[]> {
  const runs: Run[] = [];
  let parts = new Map<string, number>();
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (!line.includes('"model_run"') && !line.includes("_kernel_time")) continue;
    const { name, cat, dur, args } = eventSchema.parse(JSON.parse(line.replace(/,\s*$/, "")));
    if (name === "model_run") {
      runs.push({ durationUs: dur, parts });
      if (runs.length > numRuns) runs.shift();
      parts = new Map();
    } else if (cat === "Node") {
      const part = partOf(name, args.op_name ?? "");
      if (part !== undefined) parts.set(part, (parts.get(part) ?? 0) + dur);
    }
  }
  return runs;
}

/** Absent for nodes inside a branch, whose time is their `If`'s. */
function partOf(name: string, opName: string): string | undefined {
  if (name.includes(".attention.")) return opName !== "If" && name.includes(".gathered.") ? undefined : "attention";
  if (name.startsWith("candidate")) return opName === "If" ? "output projection" : undefined;
  if (name.startsWith("allLogits") || name.startsWith("logits")) return "output projection";
  if (PRODUCTS.has(opName)) return "products with weights";
  return opName === "QuantizeLinear" || /\.(absolute|peaks|shares)_/.test(name)
    ? "quantizing activations"
    : "other nodes";
}
