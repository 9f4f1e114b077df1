// The whole Worker from outside: real workerd, real sockets, mock regions. Runs in Node.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "edge-worker",
    root: import.meta.dirname,
    include: ["*.test.ts"],
    // Each file starts a Worker.
    hookTimeout: 60_000,
    testTimeout: 30_000,
  },
});
