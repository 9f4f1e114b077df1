import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Edge } from "./support/edge.ts";
import { startHarnessWorker } from "./support/harness-worker.ts";

let edge: Edge;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"], {
    KEY_TAG_SECRET: "too-short",
    REGIONS: '[{"id":"A b"}]',
  });
});
afterAll(async () => edge.stop());

test("a misconfigured deployment says so to the operator by name, and nothing to the caller", async () => {
  const response = await edge.fetch("/health");
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ error: { code: "internal_error" } });
  const logs = await vi.waitUntil(() => edge.worker.logs().find((line) => line.includes("misconfigured")), 10_000);
  expect(logs).toContain("KEY_TAG_SECRET is shorter than 32 characters");
  expect(logs).toContain("REGIONS.0.id is not a region id");
  expect(logs).not.toContain("too-short");
});
