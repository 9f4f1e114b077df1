// This isolate's copy of the board. Requests that are routed read it without waiting; it is refreshed behind them. Only an
// isolate's very first one waits, and not for long: health is a hint that failover makes up for. Whoever is told what it says
// waits until it is known.
import { BoardCopy } from "#edge/board-copy.ts";
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
  readonly #log: Logger;
  readonly #copy: BoardCopy<RegionReports>;
  #isFirst = true;

  constructor(board: DurableObjectNamespace<RegionBoard>, now: Clock, log: Logger) {
    this.#log = log;
    const ask = async () => {
      const reports: readonly RegionReport[] = await board.getByName("board").snapshot();
      return new Map(reports.map((report) => [report.regionId, report]));
    };
    this.#copy = new BoardCopy({ nothing: noReports, ask, giveUpMs: refreshTimeoutMs, now });
  }

  /** The latest reports; regions of which nothing trustworthy is known are missing. `waitUntil` carries the refresh. */
  async read(waitUntil: (work: Promise<void>) => void): Promise<RegionReports> {
    if (this.#isFirst) await this.#refreshWithin(firstWaitMs, waitUntil);
    const { ageMs, isRefreshing, value } = this.#copy;
    if (ageMs > refreshAfterMs && !isRefreshing) waitUntil(this.#refresh());
    return ageMs > trustMs ? noReports : value;
  }

  /**
   * The reports for whoever shows them, not older than `refreshAfterMs` where the board answers within `freshWaitMs`; else as
   * `read` has them.
   */
  async readFresh(waitUntil: (work: Promise<void>) => void): Promise<RegionReports> {
    // A refresh of its own, also while another request's runs: that one's I/O cannot be waited for here.
    if (this.#copy.ageMs > refreshAfterMs) await this.#refreshWithin(freshWaitMs, waitUntil);
    return this.read(waitUntil);
  }

  async #refreshWithin(waitMs: number, waitUntil: (work: Promise<void>) => void): Promise<void> {
    const refresh = this.#refresh();
    waitUntil(refresh);
    await waitAtMost(waitMs, refresh, () => undefined);
    this.#isFirst = false;
  }

  /** Never rejects: without a board, what we have simply ages. */
  async #refresh(): Promise<void> {
    return this.#copy.refresh().catch((cause: unknown) => {
      this.#log.error("region board unreachable", { errorDetail: String(cause) });
    });
  }
}
