import { existsSync } from "node:fs";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "shared", root: "shared", include: ["src/**/*.test.ts"] } },
      { test: { name: "backend", root: "backend", include: ["src/**/*.test.ts"], testTimeout: 30_000 } },
      { test: { name: "guards", root: "tests", include: ["guards/**/*.test.ts"] } },
      ...(existsSync("edge/vitest.config.ts") ? ["edge/vitest.config.ts"] : []),
    ],
  },
});
