// Test support: whether WebGPU finds a device. The tests' environment (vitest.config.ts) suits Mesa's lavapipe, a Vulkan
// device in software.
import { GraphBuilder } from "#engine/graph/graph-builder.ts";
import { openDeviceSession } from "./device-session.ts";

/** Why there is no device, told on stderr as well; undefined when there is one. */
export async function missingDevice(): Promise<string | undefined> {
  const graph = new GraphBuilder();
  const x = graph.input("x", "float32", ["length"]);
  graph.output(graph.node("y", "Exp", [x]), "float32", ["length"]);
  try {
    await (await openDeviceSession(graph.encode())).release();
    return undefined;
  } catch (thrown) {
    // The provider says it last, after where in its sources it gave up.
    const reason =
      String(thrown)
        .trim()
        .split(/[.\n] ?/)
        .at(-1) ?? "";
    process.stderr.write(`Tests on WebGPU are skipped: ${reason}\n`);
    return reason;
  }
}
