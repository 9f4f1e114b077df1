import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { servingEnv } from "./edge.ts";

test("the edge's image serves with the same settings of wrangler as the local stack", async () => {
  const image = await readFile(path.join(import.meta.dirname, "../docker/edge.Dockerfile"), "utf8");
  const settings = [...image.matchAll(/^ENV (.+)$/gm)].flatMap(([, line = ""]) => line.split(" "));
  expect(settings.toSorted()).toEqual(
    Object.entries(servingEnv)
      .map(([name, value]) => `${name}=${value}`)
      .toSorted(),
  );
});
