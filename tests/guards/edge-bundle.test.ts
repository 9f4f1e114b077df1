// What would be deployed: the Worker must bundle offline and stay small, since every isolate loads it on a cold start.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = path.join(import.meta.dirname, "../..");
const maxGzippedBytes = 150 * 1024;

describe("the Worker bundle", () => {
  let outdir: string;

  beforeAll(async () => {
    outdir = await mkdtemp(path.join(tmpdir(), "sluice-bundle-"));
    await promisify(execFile)("wrangler", ["deploy", "--dry-run", "--outdir", outdir], {
      cwd: root,
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", CI: "true" },
    });
  }, 60_000);

  afterAll(() => rm(outdir, { recursive: true, force: true }));

  it("stays within its size", async () => {
    const scripts = (await readdir(outdir)).filter((file) => file.endsWith(".js"));
    expect(scripts).not.toEqual([]);
    const sources = await Promise.all(scripts.map((file) => readFile(path.join(outdir, file))));
    const gzippedBytes = sources.reduce((sum, source) => sum + gzipSync(source).byteLength, 0);
    expect(gzippedBytes).toBeLessThanOrEqual(maxGzippedBytes);
  });

  it("brings no code of the backend", async () => {
    const scripts = (await readdir(outdir)).filter((file) => file.endsWith(".js"));
    for (const file of scripts) {
      expect(await readFile(path.join(outdir, file), "utf8")).not.toMatch(/from "node:|@grpc\/grpc-js|onnxruntime/);
    }
  });
});
