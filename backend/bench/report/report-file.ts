// The report on disk, saved after every step: a run that was broken off goes on where it was.
import { readFile, rename, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import type { Contender } from "../contenders/contender.ts";
import type { Report } from "./report.ts";

/** What two runs must have in common to be one. */
type RunHead = Pick<Report, "machine" | "model" | "contenders" | "numRounds">;

export function describeRun(model: string, contenders: readonly Contender[], numRounds: number): RunHead {
  const machine = { processor: cpus()[0]?.model ?? "unknown", numCores: cpus().length, node: process.versions.node };
  return { machine, model, contenders: contenders.map(({ name }) => name), numRounds };
}

/**
 * An empty report without `path`, or when nothing is there yet.
 *
 * @throws Error when the file is the report of another run.
 */
export async function openReport(path: string | undefined, head: RunHead): Promise<Report> {
  const empty: Report = { ...head, conformance: [], cells: [], warmPrefix: [], batching: [], kvWaste: [] };
  if (path === undefined) return empty;
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return empty;
  const found = JSON.parse(text) as Report;
  const [theirs, ours] = [describeHead(found), describeHead(head)];
  if (theirs !== ours) throw new Error(`${path} is of another run: ${theirs}, not ${ours}`);
  return found;
}

export async function saveReport(path: string, report: Report): Promise<void> {
  await writeFile(`${path}.part`, `${JSON.stringify(report, null, 2)}\n`);
  await rename(`${path}.part`, path);
}

function describeHead({ machine, model, contenders, numRounds }: RunHead): string {
  return JSON.stringify([machine, model, contenders, numRounds]);
}
