// `stack.json` in the state directory tells any script where the running stack is.
import { rm } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { readStateFile, writeStateFile } from "./state-file.ts";

const stackFileSchema = z.object({
  /** The OpenAI base URL, `…/v1`. */
  baseUrl: z.string(),
  apiKey: z.string(),
  adminUrl: z.string(),
  adminKey: z.string(),
  /** Signs tokens that the edge accepts, for trying JWTs. */
  demoIssuer: z.object({ issuer: z.string(), audience: z.string(), privateKeyFile: z.string() }),
  /** The served model's id. */
  model: z.string(),
  regions: z.array(
    z.object({
      id: z.string(),
      ingressUrl: z.string(),
      /** The ingress first, then its engines. */
      pids: z.array(z.int()),
      /** The engine's Prometheus page. */
      metricsUrl: z.string(),
      ingressMetricsUrl: z.string(),
    }),
  ),
  edgePid: z.int(),
  /** The process that started and restarts all the others. */
  supervisorPid: z.int(),
});

export type StackFile = z.infer<typeof stackFileSchema>;

const nameIn = (stateDir: string): string => path.join(stateDir, "stack.json");

/** The stack that was last started from this state directory; undefined when there is none. @throws when the file is damaged. */
export async function readStackFile(stateDir: string): Promise<StackFile | undefined> {
  return readStateFile(nameIn(stateDir), stackFileSchema, "Stop the stack, if one runs, and remove the file.");
}

export async function writeStackFile(stateDir: string, stack: StackFile): Promise<void> {
  await writeStateFile(nameIn(stateDir), `${JSON.stringify(stack, null, 2)}\n`);
}

export async function removeStackFile(stateDir: string): Promise<void> {
  await rm(nameIn(stateDir), { force: true });
}
