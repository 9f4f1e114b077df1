import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

// The whole system, from outside, over sockets. One stack serves all files, so they run one after the other.
export default defineConfig({
  test: {
    name: "end-to-end",
    root: import.meta.dirname,
    include: ["{end-to-end,conformance}/**/*.test.ts"],
    globalSetup: ["temporary-files.ts", "end-to-end/shared-stack.ts"],
    // What a run compiles, for its hundreds of processes that load the same.
    env: { NODE_COMPILE_CACHE: resolve(import.meta.dirname, "../node_modules/.cache/node") },
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
