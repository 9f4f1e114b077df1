import { WorkerEntrypoint } from "cloudflare:workers";
import type { Bindings } from "#edge/bindings.ts";
import { isolateParts } from "#edge/isolate-parts.ts";
import { type LineRequest, type LineResponse, LineRunner } from "./line-runner.ts";

let runner: LineRunner | undefined;

/**
 * Runs lines apart from their batch's object, each in an invocation of its own: the platform lets an invocation wait for six
 * connections at once, and an answer that is not streamed keeps one waiting until it is complete.
 */
export class LineWorker extends WorkerEntrypoint<Bindings> {
  /** See LineRunner.run. */
  async run(line: LineRequest): Promise<LineResponse> {
    runner ??= new LineRunner(await isolateParts(this.env));
    return runner.run(line, (work) => this.ctx.waitUntil(work));
  }
}
