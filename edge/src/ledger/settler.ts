// Requests that end close together in one isolate are settled together: one question a region, one call a gate, one message to the
// queue, where each would cost as much as for one alone.
//
//   the first to end opens a batch, and closes it when its time is over
//   whoever fills it, comes when its time is over, or is the last under way closes it at once
//
// Whoever closes it does the work, since in a Worker all I/O belongs to the request that began it. A request whose time is up
// takes its batch with it, so each waits only so long and then settles itself; to be settled twice is to be settled once.
import type { Clock } from "#edge/clock.ts";
import { waitAtMost } from "#edge/deadline.ts";
import type { ReceiptFetcher } from "#edge/proxy/fetch-receipts.ts";
import type { Usage } from "#edge/rate-limit/usage.ts";
import { chargeAll, charge, type ChargeParts, type EndedRequest, measure, measured, receiptsOf } from "./settlement.ts";

/** Of a batch. Keeps its messages below what a queue takes at once, 256 KB, and its question below what a region is asked. */
export const maxBatch = 50;

/** How long requests that have ended wait for others of their batch that a region has not ended yet. */
const briefWaitMs = 200;

/** Longer than receipts, gate and queue take, and short enough that the platform lets a request settle itself afterwards. */
const rescueAfterMs = 15_000;

export interface SettlerParts extends ChargeParts {
  readonly fetcher: ReceiptFetcher;
  /** How long a batch is open at most. */
  readonly windowMs: number;
  readonly now: Clock;
}

/** Of a request that another settles. */
const nothing: Usage = { receipts: [], signed: [], missing: [], totalTokens: 0 };

interface Member {
  readonly ended: EndedRequest;
  readonly settled: PromiseWithResolvers<Usage>;
}

interface Batch {
  readonly members: Member[];
  readonly closesAtMs: number;
}

/** One an isolate. */
export class Settler {
  readonly #parts: SettlerParts;
  #open: Batch | undefined;
  /** A request that the platform ended stays counted; the others then wait out the window, and that is all. */
  #numUnderWay = 0;

  constructor(parts: SettlerParts) {
    this.#parts = parts;
  }

  /** A request has been admitted, and `end` will be called. */
  begin(): void {
    this.#numUnderWay += 1;
  }

  /**
   * What the request used; it is on its way to the ledger then. Undefined: another settles it. Never rejects; must be given to
   * `waitUntil`.
   */
  async end(ended: EndedRequest | undefined): Promise<Usage> {
    this.#numUnderWay -= 1;
    return ended === undefined ? nothing : this.#settle(ended);
  }

  async #settle(ended: EndedRequest): Promise<Usage> {
    const settled = Promise.withResolvers<Usage>();
    const working = this.#join({ ended, settled });
    const usage = await waitAtMost<Usage | undefined>(rescueAfterMs, settled.promise, () => undefined);
    if (usage === undefined) return this.#settleAlone(ended);
    // Whoever closed the batch may be at work for others of it.
    await working;
    return usage;
  }

  async #join(member: Member): Promise<void> {
    const { windowMs, now } = this.#parts;
    const isFirst = this.#open === undefined;
    const batch = (this.#open ??= { members: [], closesAtMs: now() + windowMs });
    const { members, closesAtMs } = batch;
    members.push(member);
    if (this.#numUnderWay === 0 || members.length >= maxBatch || now() >= closesAtMs) return this.#close(batch);
    if (!isFirst) return;
    const closed = await waitAtMost<Usage | undefined>(windowMs, member.settled.promise, () => undefined);
    if (closed === undefined) await this.#close(batch);
  }

  async #close(batch: Batch): Promise<void> {
    if (this.#open !== batch) return;
    this.#open = undefined;
    const { members } = batch;
    const answers = await receiptsOf(
      members.map(({ ended }) => ended),
      briefWaitMs,
      this.#parts.fetcher,
    );
    const isLate = (index: number) => answers[index]?.some(({ kind }) => kind === "running") ?? false;
    const late = members.filter((_, index) => isLate(index));
    const prompt = members.flatMap(({ ended, settled }, index) => {
      return isLate(index) ? [] : { settled, ...measured(ended, answers[index] ?? []) };
    });
    await Promise.all([
      chargeAll(
        prompt.map(({ settlement }) => settlement),
        this.#parts,
      ).then(() => prompt.forEach(({ settled, usage }) => settled.resolve(usage))),
      ...late.map(async ({ ended, settled }) => settled.resolve(await this.#settleAlone(ended))),
    ]);
  }

  async #settleAlone(ended: EndedRequest): Promise<Usage> {
    const { usage, settlement } = await measure(ended, this.#parts.fetcher);
    await charge(settlement, this.#parts);
    return usage;
  }
}
