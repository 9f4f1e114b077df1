import type { AppError } from "@sluice/shared/errors.ts";
import type { Clock } from "#platform/clock.ts";
import type { Logger } from "#platform/logger.ts";
import type { GenerationProgress } from "./generation/generation.ts";
import type { RouteName } from "./router.ts";

/** Asked every second by whoever watches; not worth a line each. */
const quietRoutes: ReadonlySet<RouteName | "none"> = new Set(["health", "status"]);

/** What became of one request: collected on its way, written as one line. Never of what was asked or answered. */
export class RequestRecord {
  readonly progress: GenerationProgress = {};
  requestId: string;
  /** `none` is an address that has no route. */
  route: RouteName | "none" = "none";
  error: AppError | undefined;
  readonly #clock: Clock;
  readonly #startedMs: number;

  constructor(requestId: string, clock: Clock) {
    this.requestId = requestId;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  /** Since the request came in. */
  get elapsedMs(): number {
    return this.#clock.monotonicMs() - this.#startedMs;
  }

  /** The line's level follows the fault: ours is an error, a caller's is not. */
  write(status: number, logger: Logger): void {
    const { requestId: rid, route, progress, error } = this;
    const fault = error && { code: error.code, detail: error.message };
    const firstTextMs = progress.firstTextMs === undefined ? {} : { firstTextMs: Math.round(progress.firstTextMs) };
    const times = { durationMs: Math.round(this.elapsedMs), ...firstTextMs };
    const line = { rid, route, status, ...progress, ...times, ...fault };
    if (error?.code === "internal_error") logger.error({ ...line, err: error }, "request");
    else if (quietRoutes.has(route)) logger.debug(line, "request");
    else logger.info(line, "request");
  }
}
