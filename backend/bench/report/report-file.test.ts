import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { describeRun, openReport, saveReport } from "./report-file.ts";

const head = describeRun("some-model", [], 3);
const waste = { blockSize: 16, meanTokens: 300, waste: 0.02, tokensPerCpuSecond: 100 };

test("a run that was broken off goes on with what it had measured", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "report.json");
  const report = await openReport(path, head);
  report.kvWaste.push(waste);
  await saveReport(path, report);
  expect((await openReport(path, head)).kvWaste).toEqual([waste]);
});

test("figures of another run are not mixed in", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "report.json");
  await saveReport(path, await openReport(path, head));
  await expect(openReport(path, describeRun("some-model", [], 5))).rejects.toThrow("of another run");
});
