// One supervisor a state directory, from the first moment of its start: two that migrate one database damage it.
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { runningAmong } from "./running-among.ts";
import { readStateFile } from "./state-file.ts";

/**
 * Takes the directory for this process until the returned function is called, or the process ends.
 * @throws Error that names the process that has it.
 */
export async function lockState(stateDir: string): Promise<() => Promise<void>> {
  const file = path.join(stateDir, "supervisor.pid");
  const remedy = "If no stack runs from there, remove it.";
  for (;;) {
    try {
      await writeFile(file, `${process.pid}\n`, { flag: "wx", mode: 0o600 });
      return async () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const pid = await readStateFile(file, z.int(), remedy);
    if (pid === undefined) continue; // It was given back just now.
    if ((await runningAmong([pid])).length > 0) {
      throw new Error(
        `A stack already runs from ${stateDir}, or is being started (process ${pid}). ` +
          "Stop it, or start another beside it: SLUICE_STATE=.sluice-2 SLUICE_PORT=8788 npm start",
      );
    }
    await rm(file, { force: true }); // Of a supervisor that was killed.
  }
}
