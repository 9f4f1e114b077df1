import { AppError } from "@sluice/shared/errors.ts";
import {
  type PassportClaims,
  type PassportKey,
  passportLifetimeS,
  sha256Base64Url,
  verifyPassport,
} from "@sluice/shared/passport.ts";
import type { Clock } from "#platform/clock.ts";
import { ReplayCache } from "./replay-cache.ts";

/** A passport's whole life, and the clock tolerance at its both ends. */
const rememberMs = (passportLifetimeS + 10) * 1000;

/** About a minute of 4,000 requests a second, in some 30 MB. */
const replayCapacity = 262_144;

/** Lets in what the edge signed for this region, once. Every refusal looks the same from outside. */
export class PassportControl {
  readonly #region: string;
  readonly #key: PassportKey;
  readonly #clock: Clock;
  readonly #shown = new ReplayCache(rememberMs, replayCapacity);

  constructor(region: string, key: PassportKey, clock: Clock) {
    this.#region = region;
    this.#key = key;
    this.#clock = clock;
  }

  /** Checks signature, audience and life. Throws `invalid_passport`. Costs about 0.1 ms, so it comes before the body. */
  async inspect(passport: string | readonly string[] | undefined): Promise<PassportClaims> {
    if (typeof passport !== "string") throw new AppError("invalid_passport", { detail: "no passport" });
    try {
      return await verifyPassport(passport, this.#region, this.#key, this.#clock.nowMs());
    } catch (error) {
      throw new AppError("invalid_passport", { detail: "verification failed", cause: error });
    }
  }

  /**
   * Uses the passport up for this body. Throws `invalid_passport` when it was signed for another body or was used before,
   * `server_is_overloaded` when there are too many to remember.
   */
  async stamp(claims: PassportClaims, body: Uint8Array<ArrayBuffer>): Promise<void> {
    if (claims.bodySha256 !== (await sha256Base64Url(body))) {
      throw new AppError("invalid_passport", { detail: "signed for another body" });
    }
    // The edge signs a second passport for a request when the first one's reservation was too small.
    const shown = this.#shown.show(`${claims.rid} ${claims.reservedTokens ?? ""}`, this.#clock.nowMs());
    if (shown === "seen") throw new AppError("invalid_passport", { detail: "used before" });
    if (shown === "full")
      throw new AppError("server_is_overloaded", { detail: "replay cache is full", retryAfterMs: 1000 });
  }
}
