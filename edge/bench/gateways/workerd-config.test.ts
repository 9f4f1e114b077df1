import { expect, test } from "vitest";
import { workerdConfig, type WorkerdWorker } from "./workerd-config.ts";

const worker: WorkerdWorker = {
  script: 'const quoted = "\\";\u0001\n',
  environment: { SECRET: "a" },
  compatibilityDate: "2026-01-01",
  compatibilityFlags: [],
  bindings: [],
  durableObjects: [],
};

test("a script keeps its quotes, backslashes and control characters", () => {
  expect(workerdConfig(worker, "/disk")).toContain(String.raw`esModule = "const quoted = \"\\\";\x01\n"`);
});

test("only a Worker with gates can have keys provisioned", () => {
  const gate = { binding: "KEY_GATE", className: "KeyGate" };
  expect(workerdConfig(worker, "/disk")).not.toContain("provisioner");
  expect(workerdConfig({ ...worker, durableObjects: [gate] }, "/disk")).toContain('serviceName = "main"');
});
