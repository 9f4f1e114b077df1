import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Where Debian puts it. */
const lavapipe = "/usr/share/vulkan/icd.d/lvp_icd.json";

/** Ends a test that hangs, and none that a busy machine is slow with. */
const patience = { testTimeout: 30_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    globalSetup: ["tests/temporary-files.ts"],
    // What a run compiles, for its hundreds of processes that load the same.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/node", import.meta.url)) },
    projects: [
      { test: { name: "shared", root: "shared", include: ["src/**/*.test.ts"], ...patience } },
      {
        test: {
          name: "backend",
          root: "backend",
          include: ["{src,bench}/**/*.test.ts"],
          ...patience,
          // For WebGPU on Mesa's lavapipe, where compiling a shader takes seconds, and the fewer the narrower its vectors are.
          env: {
            LP_NATIVE_VECTOR_WIDTH: "128",
            ...(existsSync(lavapipe) ? { VK_DRIVER_FILES: lavapipe } : {}),
            ORT_DISABLE_TELEMETRY: "1",
            MESA_SHADER_CACHE_DIR: fileURLToPath(new URL(".sluice/cache/shaders", import.meta.url)),
          },
        },
      },
      { test: { name: "deploy", root: "deploy", include: ["{cli,local}/**/*.test.ts"], ...patience } },
      { test: { name: "guards", root: "tests", include: ["guards/**/*.test.ts"], ...patience } },
      { test: { name: "edge-bench", root: "edge/bench", include: ["**/*.test.ts"], ...patience } },
      "edge/vitest.config.ts",
      "edge/tests/vitest.config.ts",
    ],
  },
});
