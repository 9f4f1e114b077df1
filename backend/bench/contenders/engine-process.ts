// Sluice's engine as it is deployed: its own process, spoken to over gRPC.
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { AppError } from "@sluice/shared/errors.ts";
import { EngineClient } from "#ingress/engines/engine-client.ts";
import { BenchChild } from "./child-process.ts";

const main = fileURLToPath(new URL("../../src/rpc/main.ts", import.meta.url));
const pollMs = 100;
/** As the local stack and the image start it (docs/operations.md, "Memory"). */
const heapOptions = ["--max-semi-space-size=8"];
const allocatorEnv = {
  GLIBC_TUNABLES:
    "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=67108864",
};

export interface EngineProcess {
  readonly child: BenchChild;
  readonly client: EngineClient;
  /** `host:port`. */
  readonly address: string;
  readonly stop: () => Promise<void>;
}

/** Resolves when the model is loaded. @param nodeOptions go before the entry's path. */
export async function startEngineProcess(
  env: NodeJS.ProcessEnv,
  nodeOptions: readonly string[] = [],
): Promise<EngineProcess> {
  const child = new BenchChild(process.execPath, [...heapOptions, ...nodeOptions, main], {
    env: { SLUICE_ENGINE_PORT: "0", ...allocatorEnv, ...env },
  });
  const address = `127.0.0.1:${await child.find(readPort)}`;
  const client = new EngineClient(address);
  await Promise.race([untilLoaded(client), child.died]);
  const stop = async (): Promise<void> => {
    client.close();
    await child.stop();
  };
  return { child, client, address, stop };
}

function readPort(line: string): number | undefined {
  if (!line.startsWith("{")) return undefined;
  const { msg, port } = JSON.parse(line) as { readonly msg?: string; readonly port?: number };
  return msg === "listening" ? port : undefined;
}

async function untilLoaded(client: EngineClient): Promise<void> {
  for (;;) {
    const loaded = await client.getModel().then(
      () => true,
      (error: unknown) => {
        if (error instanceof AppError && error.code === "unavailable") return false;
        throw error;
      },
    );
    if (loaded) return;
    await sleep(pollMs);
  }
}
