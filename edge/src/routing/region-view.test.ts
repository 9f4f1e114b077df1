import { expect, test } from "vitest";
import type { RegionBoard } from "./region-board.ts";
import type { RegionReport } from "./region-report.ts";
import { RegionView } from "./region-view.ts";

const report: RegionReport = { kind: "unreachable", regionId: "near", checkedAtMs: 0 };
const silent = { info: () => undefined, error: () => undefined };

/** A view whose board answers what the test decides, and the work it left for later. */
function viewOf(snapshot: () => Promise<readonly RegionReport[]>) {
  const time = { nowMs: 0 };
  const background: Promise<void>[] = [];
  let numAsked = 0;
  const namespace = {
    getByName: () => ({
      snapshot: async () => {
        numAsked += 1;
        return snapshot();
      },
    }),
  } as unknown as DurableObjectNamespace<RegionBoard>;
  const view = new RegionView(namespace, () => time.nowMs, silent);
  const read = async () => [...(await view.read((work) => background.push(work))).keys()];
  const readFresh = async () => [...(await view.readFresh((work) => background.push(work))).keys()];
  return { time, background, read, readFresh, numAsked: () => numAsked };
}

test("the first read waits for the board, the next ones do not ask it", async () => {
  const { read, numAsked } = viewOf(async () => [report]);
  expect(await read()).toEqual(["near"]);
  expect(await read()).toEqual(["near"]);
  expect(numAsked()).toBe(1);
});

test("an older view is handed out at once and refreshed behind the request", async () => {
  const answers = [[report], [{ ...report, regionId: "far" }]];
  const { time, background, read } = viewOf(async () => answers.shift() ?? []);
  await read();
  time.nowMs = 1_001;
  expect(await read()).toEqual(["near"]);
  await Promise.all(background);
  expect(await read()).toEqual(["far"]);
});

test("a view too old to trust says nothing", async () => {
  const { time, read } = viewOf(async () => [report]);
  await read();
  time.nowMs = 10_001;
  expect(await read()).toEqual([]);
});

test("who shows the view is told what the board says now, also after a pause", async () => {
  const answers = [[report], [{ ...report, regionId: "far" }]];
  const { time, read, readFresh, numAsked } = viewOf(async () => answers.shift() ?? []);
  await read();
  time.nowMs = 60_000;
  expect(await readFresh()).toEqual(["far"]);
  expect(await readFresh()).toEqual(["far"]);
  expect(numAsked()).toBe(2);
});

test("who shows the view does not wait for a board that fails", async () => {
  const { readFresh } = viewOf(async () => Promise.reject(new Error("down")));
  expect(await readFresh()).toEqual([]);
});

test("a board that does not answer delays the first request only, and only for a moment", async () => {
  const { time, read, numAsked } = viewOf(async () => new Promise(() => undefined));
  expect(await read()).toEqual([]);
  time.nowMs = 2_000;
  expect(await read()).toEqual([]);
  expect(numAsked()).toBe(1);
  time.nowMs = 6_000;
  await read();
  expect(numAsked()).toBe(2);
});

test("a board that fails leaves what is known to age", async () => {
  let isUp = true;
  const { time, background, read } = viewOf(async () => {
    if (!isUp) throw new Error("down");
    return [report];
  });
  await read();
  isUp = false;
  time.nowMs = 2_000;
  await read();
  await Promise.all(background);
  expect(await read()).toEqual(["near"]);
});
