import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const events = z.array(
  z.looseObject({
    name: z.string(),
    cat: z.string().optional(),
    ts: z.number(),
    dur: z.number().default(0),
    args: z.looseObject({ op_name: z.string().optional() }).default({}),
  }),
);

const PRODUCTS = new Set(["MatMulNBits", "MatMulIntegerToFloat", "FusedMatMul"]);

/** Milliseconds of the last `numRuns` runs by what their nodes do, from the only profile in the folder. */
export async function readNativeProfile(folder: string, numRuns: number): Promise<ReadonlyMap<string, number>> {
  const [file = ""] = await readdir(folder);
  const all = events.parse(JSON.parse(await readFile(join(folder, file), "utf8")));
  const runs = all.filter(({ name }) => name === "model_run").slice(-numRuns);
  const startUs = runs[0]?.ts ?? 0;
  const parts = new Map<string, number>();
  const add = (part: string, us: number): void => void parts.set(part, (parts.get(part) ?? 0) + us / 1e3);
  for (const { name, cat, ts, dur, args } of all) {
    if (cat !== "Node" || ts < startUs || !name.endsWith("_kernel_time")) continue;
    const part = partOf(name, args.op_name ?? "");
    if (part !== undefined) add(part, dur);
  }
  const inNodes = [...parts.values()].reduce((sum, ms) => sum + ms, 0);
  add("between nodes", runs.reduce((sum, { dur }) => sum + dur, 0) - 1e3 * inNodes);
  return parts;
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
