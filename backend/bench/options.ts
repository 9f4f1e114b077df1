import { parseArgs } from "node:util";
import type { Cell } from "./cases/prefill-and-decode.ts";
import { type PrecisionClass, precisionClasses } from "./contenders/contender.ts";

export const sections = ["conformance", "cells", "prefix", "batching", "waste"] as const;
export type Section = (typeof sections)[number];

export interface Options {
  readonly cells: readonly Cell[];
  /** Those that were asked for but would need more memory than a bench should take. */
  readonly numLeftOut: number;
  readonly sections: readonly Section[];
  readonly precisions: readonly PrecisionClass[];
  readonly numRounds: number;
  readonly numBatchingRequests: number;
  readonly wasteBlockSizes: readonly number[];
  /** Path of a binary; absent: llama-server does not take part. */
  readonly llamaServer: string | undefined;
  /** Whether node-llama-cpp takes part. */
  readonly nodeLlamaCpp: boolean;
  /** Where the report goes, and what it continues when it is there. */
  readonly json: string | undefined;
}

export const help = `npm run bench:engine -- [options]
  --quick                 short contexts, 8 and 4 bits, one thread, one round: six minutes on two cores; all of it takes hours
  --llama-server PATH     llama.cpp's server takes part
  --no-node-llama-cpp     node-llama-cpp does not take part (it is fetched from npm the first time)
  --precisions LIST       of ${precisionClasses.join(", ")}
  --threads LIST          default 1,2
  --sequences LIST        default 1,8,32
  --contexts LIST         prompt tokens of each sequence, default 128,1024,4096
  --rounds N              default 3
  --sections LIST         of ${sections.join(", ")}
  --json FILE             the report; what FILE holds already is not measured again
`;

/** More tokens than this in one cell are left out: fp32 K and V of them take 1.5 GB in this model. */
const mostCellTokens = 33_000;

const quick = { precisions: "8bit,4bit", threads: "1", contexts: "128", rounds: "1", blockSizes: "16,32,64" };
const full = {
  precisions: "8bit,4bit,fp16",
  threads: "1,2",
  contexts: "128,1024,4096",
  rounds: "3",
  blockSizes: "16,32,64",
};

/** @throws Error naming the option at fault. */
export function parseOptions(args: readonly string[]): Options | "help" {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      help: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      "llama-server": { type: "string" },
      "node-llama-cpp": { type: "boolean", default: true },
      precisions: { type: "string" },
      threads: { type: "string" },
      sequences: { type: "string", default: "1,8,32" },
      contexts: { type: "string" },
      rounds: { type: "string" },
      sections: { type: "string", default: sections.join(",") },
      json: { type: "string" },
    },
  });
  if (values.help) return "help";
  const defaults = values.quick ? quick : full;
  const precisions = listOf("precisions", values.precisions ?? defaults.precisions, precisionClasses);
  const cells = precisions.flatMap((precision) =>
    counts("threads", values.threads ?? defaults.threads).flatMap((numThreads) =>
      counts("contexts", values.contexts ?? defaults.contexts).flatMap((contextTokens) =>
        counts("sequences", values.sequences).map((numSequences) => ({
          precision,
          numThreads,
          numSequences,
          contextTokens,
        })),
      ),
    ),
  );
  const fitting = cells.filter(({ numSequences, contextTokens }) => numSequences * contextTokens <= mostCellTokens);
  return {
    cells: fitting,
    numLeftOut: cells.length - fitting.length,
    sections: listOf("sections", values.sections, sections),
    precisions,
    numRounds: counts("rounds", values.rounds ?? defaults.rounds)[0] ?? 1,
    numBatchingRequests: values.quick ? 64 : 128,
    wasteBlockSizes: counts("block sizes", defaults.blockSizes),
    llamaServer: values["llama-server"],
    nodeLlamaCpp: values["node-llama-cpp"],
    json: values.json,
  };
}

function counts(option: string, list: string): readonly number[] {
  return list.split(",").map((item) => {
    if (!/^[1-9]\d*$/.test(item)) throw new Error(`--${option}: "${item}" is not a count`);
    return Number(item);
  });
}

function listOf<T extends string>(option: string, list: string, allowed: readonly T[]): readonly T[] {
  return list.split(",").map((item) => {
    const known = allowed.find((each) => each === item);
    if (known === undefined) throw new Error(`--${option}: "${item}" is none of ${allowed.join(", ")}`);
    return known;
  });
}
