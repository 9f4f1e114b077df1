// Tunables of glibc's malloc are ignored without a word where they are misspelt, and engines are started in several places.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = path.join(import.meta.dirname, "../..");
/** The dynamic linker of x86-64, which lists the tunables as it understood them. */
const linker = "/lib64/ld-linux-x86-64.so.2";

async function tunablesIn(file: string): Promise<readonly string[]> {
  const source = await readFile(path.join(root, file), "utf8");
  return [...source.matchAll(/glibc\.malloc\.hugetlb=[\w.:=]+/g)].map(([tunables]) => tunables);
}

describe("the allocator's tunables", async () => {
  const [ofImage = ""] = await tunablesIn("deploy/docker/backend.Dockerfile");

  it.each([
    ["deploy/docker/backend.Dockerfile", 1],
    ["deploy/local/region.ts", 1],
    ["backend/bench/contenders/engine-process.ts", 1],
    ["package.json", 2],
    ["docs/operations.md", 1],
  ])("are the image's in %s", async (file, times) => {
    expect(await tunablesIn(file)).toEqual(Array.from({ length: times }, () => ofImage));
  });

  it.runIf(existsSync(linker))("are all understood", async () => {
    const env = { GLIBC_TUNABLES: ofImage };
    const { stdout } = await promisify(execFile)(linker, ["--list-tunables"], { env });
    const understood = new Map(
      [...stdout.matchAll(/^([\w.]+): (\w+)/gm)].map(([, name = "", value]) => [name, Number(value)]),
    );
    const wanted = ofImage.split(":").map((tunable) => tunable.split("="));
    expect(wanted).toHaveLength(4);
    for (const [name = "", value] of wanted) expect([name, understood.get(name)]).toEqual([name, Number(value)]);
  });
});
