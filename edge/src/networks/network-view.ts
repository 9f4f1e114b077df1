// This isolate's copy of the board. Requests read it without waiting, and it is refreshed behind them; only one that finds it
// absent, or too old to decide by, waits. A change holds where there is traffic within seconds, and everywhere within a minute.
import { AppError } from "@sluice/shared/errors.ts";
import { BoardCopy } from "#edge/board-copy.ts";
import type { Clock } from "#edge/clock.ts";
import { answerWithin } from "#edge/deadline.ts";
import { parseAddress } from "#edge/ip/address.ts";
import { NetworkRules } from "#edge/ip/network-rules.ts";
import type { NetworkBoard, NetworkSnapshot, OwnerNetworks } from "./network-board.ts";

const refreshAfterMs = 2_000;
/** Nobody is let in by an older word. */
const trustMs = 60_000;
const retryAfterMs = 1_000;

interface Known {
  readonly revision: number | undefined;
  // the id of a project or organization -> from where it may be used
  readonly owners: ReadonlyMap<string, NetworkRules>;
}

const none: readonly string[] = [];

export class NetworkView {
  readonly #namespace: DurableObjectNamespace<NetworkBoard>;
  readonly #timeoutMs: number;
  readonly #copy: BoardCopy<Known>;

  /** @param timeoutMs longest wait for the board. */
  constructor(namespace: DurableObjectNamespace<NetworkBoard>, timeoutMs: number, now: Clock) {
    this.#namespace = namespace;
    this.#timeoutMs = timeoutMs;
    const ask = async (known: Known) => this.#askAnew(known);
    this.#copy = new BoardCopy({ nothing: { revision: undefined, owners: new Map() }, ask, giveUpMs: timeoutMs, now });
  }

  /**
   * Ids of the projects and organizations that may not be used from this address; absent is an address that nobody knows.
   * Throws `unavailable` when the board does not answer and what we know is too old. `waitUntil` carries a refresh.
   */
  async barredFrom(ip: string | undefined, waitUntil: (work: Promise<void>) => void): Promise<readonly string[]> {
    const copy = this.#copy;
    const { ageMs } = copy;
    if (ageMs > trustMs) await copy.refresh();
    else if (ageMs > refreshAfterMs && !copy.isRefreshing) waitUntil(copy.refresh().catch(() => undefined));
    const { owners } = copy.value;
    if (owners.size === 0) return none;
    const address = ip === undefined ? undefined : parseAddress(ip);
    const barred: string[] = [];
    for (const [ownerId, rules] of owners) if (!rules.mayEnterFrom(address)) barred.push(ownerId);
    return barred;
  }

  async listsOf(ownerId: string): Promise<OwnerNetworks> {
    return this.#ask<OwnerNetworks>(async (board) => board.listsOf(ownerId));
  }

  /** Replaces an owner's lists. False when all would be more than the board keeps. */
  async set(ownerId: string, lists: OwnerNetworks): Promise<boolean> {
    const isSet = await this.#ask(async (board) => board.set(ownerId, lists));
    this.#copy.outdate();
    return isSet;
  }

  async #askAnew(known: Known): Promise<Known> {
    const snapshot = await this.#ask<NetworkSnapshot | undefined>(async (board) => board.snapshot(known.revision));
    if (snapshot === undefined) return known;
    const { revision, owners } = snapshot;
    return { revision, owners: new Map(owners.map(({ ownerId, lists }) => [ownerId, new NetworkRules(lists)])) };
  }

  async #ask<Value>(call: (board: DurableObjectStub<NetworkBoard>) => Promise<Value>): Promise<Value> {
    return answerWithin(this.#timeoutMs, call(this.#namespace.getByName("board")), unanswered);
  }
}

function unanswered(cause?: unknown): AppError {
  const publicText = "Your address cannot be checked at the moment.";
  return new AppError("unavailable", { publicText, detail: "the network board did not answer", retryAfterMs, cause });
}
