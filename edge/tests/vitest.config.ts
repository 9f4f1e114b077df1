// The whole Worker from outside: real workerd, real sockets, mock regions. Runs in Node.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "edge-worker",
    root: import.meta.dirname,
    include: ["*.test.ts"],
    globalSetup: ["support/migrated-state.ts"],
    // One after another in a process, because what each needs to start a Worker takes a second to load. No file changes globals.
    isolate: false,
    // Each file starts a Worker.
    hookTimeout: 60_000,
    testTimeout: 30_000,
  },
});
