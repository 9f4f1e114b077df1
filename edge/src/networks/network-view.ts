// This isolate's copy of the board. Requests read it without waiting, and it is refreshed behind them; only one that finds it
// absent, or too old to decide by, waits. A change holds where there is traffic within seconds, and everywhere within a minute.
import { AppError } from "@sluice/shared/errors.ts";
import type { Clock } from "#edge/clock.ts";
import { answerWithin } from "#edge/deadline.ts";
import { NetworkRules } from "#edge/ip/network-rules.ts";
import type { NetworkBoard, NetworkSnapshot, OwnerNetworks } from "./network-board.ts";

const refreshAfterMs = 2_000;
/** Nobody is let in by an older word. */
const trustMs = 60_000;
const retryAfterMs = 1_000;

const none: readonly string[] = [];

export class NetworkView {
  readonly #namespace: DurableObjectNamespace<NetworkBoard>;
  readonly #timeoutMs: number;
  readonly #now: Clock;
  #revision: number | undefined;
  // the id of a project or organization -> from where it may be used
  #owners: ReadonlyMap<string, NetworkRules> = new Map();
  #refreshedAtMs = -Infinity;
  #refreshStartedAtMs = -Infinity;

  /** @param timeoutMs longest wait for the board. */
  constructor(namespace: DurableObjectNamespace<NetworkBoard>, timeoutMs: number, now: Clock) {
    this.#namespace = namespace;
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  /**
   * Ids of the projects and organizations that may not be used from this address; absent is an address that nobody knows.
   * Throws `unavailable` when the board does not answer and what we know is too old. `waitUntil` carries a refresh.
   */
  async barredFrom(ip: string | undefined, waitUntil: (work: Promise<void>) => void): Promise<readonly string[]> {
    const ageMs = this.#now() - this.#refreshedAtMs;
    if (ageMs > trustMs) await this.#refresh();
    else if (ageMs > refreshAfterMs && !this.#isRefreshing()) waitUntil(this.#refresh().catch(() => undefined));
    if (this.#owners.size === 0) return none;
    return [...this.#owners].filter(([, rules]) => !rules.mayEnter(ip)).map(([ownerId]) => ownerId);
  }

  async listsOf(ownerId: string): Promise<OwnerNetworks> {
    return this.#ask<OwnerNetworks>(async (board) => board.listsOf(ownerId));
  }

  /** Replaces an owner's lists. False when all would be more than the board keeps. */
  async set(ownerId: string, lists: OwnerNetworks): Promise<boolean> {
    const isSet = await this.#ask(async (board) => board.set(ownerId, lists));
    this.#refreshedAtMs = -Infinity;
    return isSet;
  }

  async #refresh(): Promise<void> {
    const startedAtMs = this.#now();
    this.#refreshStartedAtMs = startedAtMs;
    const snapshot = await this.#ask<NetworkSnapshot | undefined>(async (board) => board.snapshot(this.#revision));
    if (snapshot !== undefined) {
      this.#revision = snapshot.revision;
      this.#owners = new Map(snapshot.owners.map(({ ownerId, lists }) => [ownerId, new NetworkRules(lists)]));
    }
    this.#refreshedAtMs = startedAtMs;
  }

  /** One whose request was cancelled under it is given up after a while. */
  #isRefreshing(): boolean {
    return this.#refreshStartedAtMs > this.#refreshedAtMs && this.#now() - this.#refreshStartedAtMs < this.#timeoutMs;
  }

  async #ask<Value>(call: (board: DurableObjectStub<NetworkBoard>) => Promise<Value>): Promise<Value> {
    return answerWithin(this.#timeoutMs, call(this.#namespace.getByName("board")), unanswered);
  }
}

function unanswered(cause?: unknown): AppError {
  const publicText = "Your address cannot be checked at the moment.";
  return new AppError("unavailable", { publicText, detail: "the network board did not answer", retryAfterMs, cause });
}
