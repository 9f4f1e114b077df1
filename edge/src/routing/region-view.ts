// This isolate's copy of the board. Requests that are routed read it without waiting; it is refreshed behind them. Only an
// isolate's very first one waits, and not for long: health is a hint that failover makes up for. Whoever is told what it says
// waits until it is known.
import type { Clock } from "#edge/clock.ts";
import { waitAtMost } from "#edge/deadline.ts";
import type { Logger } from "#edge/logger.ts";
import type { RegionBoard } from "./region-board.ts";
import type { RegionReport, RegionReports } from "./region-report.ts";

/** With the board's own interval this keeps reports under 3 s old while there is traffic. */
const refreshAfterMs = 1_000;
/** Past this age a report says nothing about now: the region's health is unknown again. */
const trustMs = 10_000;
const firstWaitMs = 500;
/** A board that had stopped polling asks the regions first, and gives each of them 1.5 s. */
const freshWaitMs = 2_000;
/** A refresh that takes longer is given up for lost: its request may have been cancelled under it. */
const refreshTimeoutMs = 5_000;

const noReports: RegionReports = new Map();

export class RegionView {
  readonly #board: DurableObjectNamespace<RegionBoard>;
  readonly #now: Clock;
  readonly #log: Logger;
  #reports = noReports;
  /** Absent until the first attempt, successful or not, is over. */
  #refreshedAtMs: number | undefined;
  /** Present while a refresh runs. */
  #refreshStartedAtMs: number | undefined;

  constructor(board: DurableObjectNamespace<RegionBoard>, now: Clock, log: Logger) {
    this.#board = board;
    this.#now = now;
    this.#log = log;
  }

  /** The latest reports; regions of which nothing trustworthy is known are missing. `waitUntil` carries the refresh. */
  async read(waitUntil: (work: Promise<void>) => void): Promise<RegionReports> {
    if (this.#refreshedAtMs === undefined) {
      const refresh = this.#refresh();
      waitUntil(refresh);
      await waitAtMost(firstWaitMs, refresh, () => undefined);
      this.#refreshedAtMs ??= this.#now();
    }
    const ageMs = this.#now() - this.#refreshedAtMs;
    if (ageMs > refreshAfterMs && !this.#isRefreshing()) waitUntil(this.#refresh());
    return ageMs > trustMs ? noReports : this.#reports;
  }

  /**
   * The reports for whoever shows them, not older than `refreshAfterMs` where the board answers within `freshWaitMs`; else as
   * `read` has them.
   */
  async readFresh(waitUntil: (work: Promise<void>) => void): Promise<RegionReports> {
    if (this.#refreshedAtMs === undefined || this.#now() - this.#refreshedAtMs > refreshAfterMs) {
      // A refresh of its own, also while another request's runs: that one's I/O cannot be waited for here.
      const refresh = this.#refresh();
      waitUntil(refresh);
      await waitAtMost(freshWaitMs, refresh, () => undefined);
    }
    return this.read(waitUntil);
  }

  /** Never rejects: without a board, what we have simply ages. */
  async #refresh(): Promise<void> {
    this.#refreshStartedAtMs = this.#now();
    try {
      const reports = await this.#board.getByName("board").snapshot();
      this.#reports = new Map(reports.map((report: RegionReport) => [report.regionId, report]));
      this.#refreshedAtMs = this.#now();
    } catch (cause) {
      this.#log.error("region board unreachable", { errorDetail: String(cause) });
    } finally {
      this.#refreshStartedAtMs = undefined;
    }
  }

  #isRefreshing(): boolean {
    return this.#refreshStartedAtMs !== undefined && this.#now() - this.#refreshStartedAtMs < refreshTimeoutMs;
  }
}
