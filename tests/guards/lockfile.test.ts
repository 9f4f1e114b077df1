// `npm ci` must work on every platform, whatever registry the lock was written against.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, it } from "vitest";

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>;
}

it("the lock holds the optional packages of all platforms: otherwise run npm run lock:complete", async () => {
  const lock = JSON.parse(
    await readFile(path.join(import.meta.dirname, "../../package-lock.json"), "utf8"),
  ) as Lockfile;
  const optional = Object.values(lock.packages).flatMap(({ optionalDependencies = {} }) =>
    Object.keys(optionalDependencies),
  );
  expect(optional).not.toEqual([]);
  expect(optional.filter((name) => lock.packages[`node_modules/${name}`] === undefined)).toEqual([]);
});
