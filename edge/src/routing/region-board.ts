// The one place that polls the regions, so that a thousand isolates do not: a single Durable Object that keeps the latest
// reports in memory and polls by alarm while anybody asks for them.
import { importPassportKey, type PassportKey } from "@sluice/shared/passport.ts";
import { DurableObject } from "cloudflare:workers";
import { loadConfig } from "#edge/config.ts";
import { systemEntropy } from "#edge/entropy.ts";
import { newRequestId } from "#edge/request-id.ts";
import { pollRegion } from "./poll-region.ts";
import type { Region } from "./region.ts";
import type { RegionReport } from "./region-report.ts";

const pollIntervalMs = 2_000;
/** Without a question for so long, polling stops. */
const idleAfterMs = 60_000;
/** Two intervals and a poll's own timeout: reports older than this mean that no alarm is running. */
const staleAfterMs = 6_000;

export class RegionBoard extends DurableObject {
  readonly #regions: readonly Region[];
  readonly #passportJwk: Readonly<Record<string, unknown>>;
  #passportKey: PassportKey | undefined;
  #reports: readonly RegionReport[] = [];
  /** Absent until the first poll of this object's life has ended. */
  #polledAtMs: number | undefined;
  /** Absent until somebody asks in this object's life. */
  #askedAtMs: number | undefined;
  /** Present while a poll runs, so that those who ask meanwhile share it. */
  #poll: Promise<void> | undefined;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    const config = loadConfig(env);
    this.#regions = config.regions;
    this.#passportJwk = config.passportPrivateJwk;
  }

  /** One report per region, at most a few seconds old. Waits for a poll when polling had stopped. */
  async snapshot(): Promise<readonly RegionReport[]> {
    const nowMs = Date.now();
    this.#askedAtMs = nowMs;
    if (this.#polledAtMs === undefined || nowMs - this.#polledAtMs > staleAfterMs) {
      await this.#pollAll();
      await this.#scheduleNextPoll();
    }
    return this.#reports;
  }

  override async alarm(): Promise<void> {
    if (this.#askedAtMs === undefined || Date.now() - this.#askedAtMs > idleAfterMs) return;
    await this.#pollAll();
    await this.#scheduleNextPoll();
  }

  async #pollAll(): Promise<void> {
    this.#poll ??= this.#askRegions().finally(() => {
      this.#poll = undefined;
    });
    await this.#poll;
  }

  async #askRegions(): Promise<void> {
    const key = (this.#passportKey ??= await importPassportKey(this.#passportJwk));
    this.#reports = await Promise.all(
      this.#regions.map(async (region) => pollRegion(region, newRequestId(systemEntropy), key, Date.now)),
    );
    this.#polledAtMs = Date.now();
  }

  async #scheduleNextPoll(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + pollIntervalMs);
  }
}
