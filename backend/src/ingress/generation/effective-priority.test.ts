import { expect, test } from "vitest";
import { effectivePriority } from "./effective-priority.ts";

test.each<[string, Parameters<typeof effectivePriority>[0], number, number]>([
  ["nothing asked", {}, 0, 0],
  ["nothing asked, more granted", {}, -5, -5],
  ["nothing asked, less granted", { priority: null, service_tier: null }, 3, 3],
  ["behind what is granted", { priority: 7 }, 0, 7],
  ["as far ahead as is granted", { priority: -5 }, -5, -5],
  ["further ahead than is granted", { priority: -6 }, -5, -5],
  ["ahead with nothing granted", { priority: -1 }, 0, 0],
  ["the flex tier", { service_tier: "flex" }, 0, 1],
  ["the flex tier, less granted", { service_tier: "flex" }, 2, 2],
  ["the default tier, more granted", { service_tier: "default" }, -5, 0],
  ["the priority tier", { service_tier: "priority" }, -5, -5],
  ["the priority tier, not granted", { service_tier: "priority" }, 0, 0],
  ["the priority tier by its other name", { service_tier: "fast" }, -5, -5],
  ["the scale tier", { service_tier: "scale" }, -5, 0],
  ["the automatic tier", { service_tier: "auto" }, -5, -5],
  ["a number and a tier", { priority: 4, service_tier: "priority" }, -5, 4],
])("%s", (_, fields, granted, expected) => {
  expect(effectivePriority(fields, granted)).toBe(expected);
});
