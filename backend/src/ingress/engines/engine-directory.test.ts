import { beforeEach, expect, test } from "vitest";
import { systemClock } from "#platform/clock.ts";
import { createLogger } from "#platform/logger.ts";
import { EngineDirectory } from "./engine-directory.ts";
import { Engine } from "./engine.ts";
import { EnginePool } from "./engine-pool.ts";

const logger = createLogger("test", "silent");
const parts = { modelId: "tiny", maxKnownBlocks: 10, clock: systemClock, random: Math.random, logger };

/** name -> its records; a name that is not there cannot be resolved. */
let records: Map<string, readonly string[]>;
let pool: EnginePool;
let directory: EngineDirectory;

beforeEach(() => {
  records = new Map([["engines", ["10.0.0.2", "10.0.0.1"]]]);
  pool = new EnginePool((address) => new Engine(address, parts), Math.random);
  const sources = [
    { kind: "fixed", address: "10.0.0.9:50051" },
    { kind: "dns", name: "engines", port: 50_051 },
  ] as const;
  const resolve = async (name: string): Promise<readonly string[]> => {
    const hosts = records.get(name);
    if (hosts === undefined) throw new Error("SERVFAIL");
    return hosts;
  };
  directory = new EngineDirectory(sources, pool, resolve, logger);
  return () => {
    directory.close();
    pool.close();
  };
});

/** What the pool has after another look. */
async function look(): Promise<string[]> {
  await directory.refresh();
  return pool.engines.map(({ address }) => address);
}

test("engines join and leave as the name's records change; those that stay are the same ones", async () => {
  expect(await look()).toEqual(["10.0.0.9:50051", "10.0.0.1:50051", "10.0.0.2:50051"]);
  const [fixed, , kept] = pool.engines;
  records.set("engines", ["10.0.0.2", "fd00::3"]);
  expect(await look()).toEqual(["10.0.0.9:50051", "10.0.0.2:50051", "[fd00::3]:50051"]);
  expect(pool.engines.slice(0, 2)).toEqual([fixed, kept]);
});

test("a name that cannot be resolved keeps its last addresses, one without records has none", async () => {
  await look();
  records.delete("engines");
  expect(await look()).toHaveLength(3);
  records.set("engines", []);
  expect(await look()).toEqual(["10.0.0.9:50051"]);
});

test("a name that was never resolved leaves the others", async () => {
  records.clear();
  expect(await look()).toEqual(["10.0.0.9:50051"]);
});

test("takes no more engines than a region may have, the same ones every time", async () => {
  const many = Array.from({ length: 300 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
  records.set("engines", many);
  const before = await look();
  expect(before).toHaveLength(256);
  records.set("engines", many.toReversed());
  expect(await look()).toEqual(before);
});

test("an address that is named twice is one engine", async () => {
  records.set("engines", ["10.0.0.9"]);
  expect(await look()).toEqual(["10.0.0.9:50051"]);
});

test("changes nothing after it was closed", async () => {
  const looking = directory.refresh();
  directory.close();
  await looking;
  expect(pool.engines).toEqual([]);
  await directory.follow(1);
});
