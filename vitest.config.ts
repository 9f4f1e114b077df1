import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "shared", root: "shared", include: ["src/**/*.test.ts"] } },
      { test: { name: "backend", root: "backend", include: ["{src,bench}/**/*.test.ts"], testTimeout: 30_000 } },
      { test: { name: "deploy", root: "deploy", include: ["local/**/*.test.ts"] } },
      { test: { name: "guards", root: "tests", include: ["guards/**/*.test.ts"] } },
      "edge/vitest.config.ts",
      "edge/tests/vitest.config.ts",
    ],
  },
});
