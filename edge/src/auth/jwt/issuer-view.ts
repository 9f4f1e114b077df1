// This isolate's copy of the board: issuers and their keys, so that a token costs no hop but its gate's.
//
// A change of an issuer holds everywhere after `refreshAfterMs`. Unlike the regions' view, a request waits for the refresh:
// who may enter must not be decided on an older list.
import { AppError } from "@sluice/shared/errors.ts";
import { BoardCopy } from "#edge/board-copy.ts";
import type { Clock } from "#edge/clock.ts";
import { answerWithin } from "#edge/deadline.ts";
import type { Issuer } from "./issuer.ts";
import type { IssuerBoard, IssuerRefusal } from "./issuer-board.ts";
import { coolDownMs, type FetchedKeys } from "./issuer-keys.ts";
import type { PublicKey } from "./key-set.ts";
import type { TokenSources } from "./verify-token.ts";

/** How long a change may go unnoticed here. */
const refreshAfterMs = 5_000;
/** Keys are asked for again after this, so that one that an issuer withdrew is soon refused. */
const keysAfterMs = 60_000;
const timeoutMs = 5_000;
const retryAfterMs = 1_000;

interface Known {
  readonly revision: number | undefined;
  // iss -> the issuers of that name
  readonly issuers: ReadonlyMap<string, readonly Issuer[]>;
}

interface HeldKeys {
  readonly revision: number;
  readonly askedAtMs: number;
  readonly fetched: FetchedKeys;
}

export class IssuerView implements TokenSources {
  readonly #namespace: DurableObjectNamespace<IssuerBoard>;
  readonly #now: Clock;
  readonly #copy: BoardCopy<Known>;
  // issuerId -> keys; as many entries at most as there are issuers
  readonly #keys = new Map<string, HeldKeys>();

  constructor(namespace: DurableObjectNamespace<IssuerBoard>, now: Clock) {
    this.#namespace = namespace;
    this.#now = now;
    const ask = async (known: Known) => this.#askAnew(known);
    const nothing = { revision: undefined, issuers: new Map() };
    this.#copy = new BoardCopy({ nothing, ask, giveUpMs: timeoutMs, now });
  }

  /** Throws `unavailable` when the list is old and the board does not answer. */
  async issuersOf(iss: string): Promise<readonly Issuer[]> {
    if (this.#copy.ageMs > refreshAfterMs) await this.#copy.refresh();
    return this.#copy.value.issuers.get(iss) ?? [];
  }

  /** All issuers, as of now. */
  async all(): Promise<readonly Issuer[]> {
    await this.#copy.refresh();
    return [...this.#copy.value.issuers.values()].flat();
  }

  /** Adds or replaces an issuer; holds here at once, and everywhere after `refreshAfterMs`. Absent when it was taken. */
  async put(issuer: Issuer): Promise<IssuerRefusal | undefined> {
    const refusal = await this.#ask(async (board) => board.put(issuer));
    this.#copy.outdate();
    return refusal;
  }

  /** See IssuerBoard.retire; holds here at once, and everywhere after `refreshAfterMs`. */
  async retire(issuerId: string): Promise<Issuer | undefined> {
    const issuer = await this.#ask<Issuer | undefined>(async (board) => board.retire(issuerId));
    this.#copy.outdate();
    return issuer;
  }

  /** See IssuerBoard.forget. */
  async forget(issuerId: string): Promise<void> {
    await this.#ask<void>(async (board) => board.forget(issuerId));
  }

  async keysOf(issuer: Issuer, kid: string | undefined): Promise<readonly PublicKey[] | undefined> {
    if (issuer.keys.kind === "static") return issuer.keys.keys;
    const held = this.#keys.get(issuer.id);
    if (held !== undefined && held.revision === issuer.revision && !this.#mustAskAgain(held, kid))
      return held.fetched.keys;
    const fetched = await this.#ask(async (board) => board.keysOf(issuer.id, kid));
    if (fetched === undefined) return undefined;
    // The same array as before while the keys are the same, so that imported keys are found again.
    const kept = held?.fetched.fetchedAtMs === fetched.fetchedAtMs ? held.fetched : fetched;
    this.#keys.set(issuer.id, { revision: issuer.revision, askedAtMs: this.#now(), fetched: kept });
    return kept.keys;
  }

  #mustAskAgain({ askedAtMs, fetched }: HeldKeys, kid: string | undefined): boolean {
    const ageMs = this.#now() - askedAtMs;
    const isMissing = kid !== undefined && !fetched.keys.some((key) => key.kid === kid);
    // The board would not ask the issuer sooner either.
    return ageMs > (isMissing ? coolDownMs : keysAfterMs);
  }

  async #askAnew(known: Known): Promise<Known> {
    const list = await this.#ask(async (board) => board.list(known.revision));
    if (list === undefined) return known;
    const ids = new Set(list.issuers.map(({ id }) => id));
    for (const id of this.#keys.keys()) if (!ids.has(id)) this.#keys.delete(id);
    return { revision: list.revision, issuers: Map.groupBy(list.issuers, ({ issuer }) => issuer) };
  }

  async #ask<Value>(call: (board: DurableObjectStub<IssuerBoard>) => Promise<Value>): Promise<Value> {
    return answerWithin(timeoutMs, call(this.#namespace.getByName("board")), unanswered);
  }
}

function unanswered(cause?: unknown): AppError {
  const publicText = "Tokens cannot be checked at the moment.";
  return new AppError("unavailable", { publicText, detail: "the issuer board did not answer", retryAfterMs, cause });
}
