// When an issuer's keys are fetched again. Pure but for the fetch, which is a parameter; the board (issuer-board.ts) keeps
// one of these per issuer, so that the whole edge asks an issuer as often as one caller would.
import type { Clock } from "#edge/clock.ts";
import type { PublicKey } from "./key-set.ts";

/** Keys of this age are fetched again, behind a request that has keys to go on with. */
const refreshAfterMs = 10 * 60_000;
/** Keys of this age are not used any more, however long the issuer cannot be reached. */
const trustMs = 24 * 3_600_000;
/**
 * Between two fetches, whatever the reason. A token whose key we do not know is worth a fetch, since issuers rotate keys;
 * a flood of such tokens is worth no more than one.
 */
export const coolDownMs = 30_000;

export interface FetchedKeys {
  readonly keys: readonly PublicKey[];
  readonly fetchedAtMs: number;
}

export class IssuerKeys {
  readonly #fetchKeys: () => Promise<readonly PublicKey[]>;
  readonly #now: Clock;
  #fetched: FetchedKeys | undefined;
  #triedAtMs = -Infinity;
  /** Present while a fetch runs. Never rejects. */
  #fetching: Promise<void> | undefined;

  /** @param fetched what was kept from an earlier life; absent when nothing was. */
  constructor(fetchKeys: () => Promise<readonly PublicKey[]>, now: Clock, fetched: FetchedKeys | undefined) {
    this.#fetchKeys = fetchKeys;
    this.#now = now;
    this.#fetched = fetched;
  }

  /** What is known now; absent when nothing trustworthy is. */
  get current(): FetchedKeys | undefined {
    if (this.#fetched === undefined || this.#now() - this.#fetched.fetchedAtMs > trustMs) return undefined;
    return this.#fetched;
  }

  /**
   * The issuer's keys, fetched first when there are none, when `kid` is not among them, or when they are old. Absent when
   * nothing trustworthy can be had.
   *
   * @param kid the key that is asked for; absent when the token names none.
   */
  async find(kid: string | undefined): Promise<FetchedKeys | undefined> {
    const { current } = this;
    const isMissing = current === undefined || (kid !== undefined && !current.keys.some((key) => key.kid === kid));
    const isOld = current !== undefined && this.#now() - current.fetchedAtMs > refreshAfterMs;
    if (!isMissing && !isOld) return current;
    const fetching = this.#fetchAtMostOnce();
    if (isMissing) await fetching;
    return this.current;
  }

  #fetchAtMostOnce(): Promise<void> | undefined {
    if (this.#fetching === undefined && this.#now() - this.#triedAtMs >= coolDownMs) {
      this.#triedAtMs = this.#now();
      this.#fetching = this.#fetch().finally(() => {
        this.#fetching = undefined;
      });
    }
    return this.#fetching;
  }

  async #fetch(): Promise<void> {
    try {
      this.#fetched = { keys: await this.#fetchKeys(), fetchedAtMs: this.#now() };
    } catch {
      // The old keys go on for as long as they may be trusted; without any, the caller is told.
    }
  }
}
