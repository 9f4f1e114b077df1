import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const script = path.join(import.meta.dirname, "../run.sh");

test("without `npm ci` the scripts say so, whatever Node there is", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-run-"));
  const failed = promisify(execFile)("sh", [script, "deploy/local/main.ts"], { cwd: folder });
  await expect(failed).rejects.toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^Run `npm ci` first/),
  });
  await rm(folder, { recursive: true });
});

test.each([
  { program: "deploy/local/chat.ts", says: "No stack is running." },
  { program: "deploy/local/chat.ts", port: "many", says: "SLUICE_PORT: must be a port number" },
  { program: "deploy/cli/main.ts", port: "many", says: "SLUICE_PORT: must be a port number" },
])("$program without a stack to talk to says $says", async ({ program, port = "8799", says }) => {
  const root = path.join(import.meta.dirname, "../..");
  const env = { ...process.env, SLUICE_STATE: path.join(tmpdir(), "sluice-no-such-state"), SLUICE_PORT: port };
  const failed = promisify(execFile)("sh", [script, program, "keys", "list"], { cwd: root, env });
  await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(says) });
  await expect(failed).rejects.toMatchObject({ stderr: expect.not.stringMatching(/^\s+at /m) });
});
