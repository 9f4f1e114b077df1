import { beforeEach, expect, test } from "vitest";
import { OutlierDetector } from "./outlier-detector.ts";

let nowMs: number;
let detector: OutlierDetector;

beforeEach(() => {
  nowMs = 0;
  detector = new OutlierDetector(() => nowMs);
});

test("a region that could not be reached is ejected for five seconds, and no other with it", () => {
  detector.failed("near", "unreachable");
  expect([detector.isEjected("near"), detector.isEjected("far")]).toEqual([true, false]);
  nowMs = 4_999;
  expect(detector.isEjected("near")).toBe(true);
  nowMs = 5_000;
  expect(detector.isEjected("near")).toBe(false);
});

test("errors eject at the fifth in a row; an answer in between starts the count again", () => {
  for (let n = 0; n < 4; n += 1) detector.failed("near", "error");
  detector.succeeded("near");
  for (let n = 0; n < 4; n += 1) detector.failed("near", "error");
  expect(detector.isEjected("near")).toBe(false);
  detector.failed("near", "error");
  expect(detector.isEjected("near")).toBe(true);
});

test("after an ejection one request probes, and the others go elsewhere until it is back", () => {
  detector.failed("near", "unreachable");
  nowMs = 5_000;
  detector.asked("near");
  expect(detector.isEjected("near")).toBe(true);
  detector.succeeded("near");
  expect(detector.isEjected("near")).toBe(false);
});

test("a probe that fails ejects for twice as long, up to a minute", () => {
  const lengthsMs: number[] = [];
  detector.failed("near", "unreachable");
  for (let n = 0; n < 6; n += 1) {
    const ejectedAtMs = nowMs;
    while (detector.isEjected("near")) nowMs += 1_000;
    lengthsMs.push(nowMs - ejectedAtMs);
    detector.asked("near");
    detector.failed("near", "error");
  }
  expect(lengthsMs).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
});

test("what failed beside the first does not lengthen the ejection", () => {
  for (let n = 0; n < 50; n += 1) detector.failed("near", "unreachable");
  nowMs = 5_000;
  expect(detector.isEjected("near")).toBe(false);
});

test("a probe that never ends is given up, and another may go", () => {
  detector.failed("near", "unreachable");
  nowMs = 5_000;
  detector.asked("near");
  nowMs = 15_000;
  expect(detector.isEjected("near")).toBe(false);
  detector.asked("near");
  expect(detector.isEjected("near")).toBe(true);
});

test("a request sent to a region during its ejection, for want of others, is no probe but may end it", () => {
  detector.failed("near", "unreachable");
  detector.asked("near");
  detector.succeeded("near");
  expect(detector.isEjected("near")).toBe(false);
});
