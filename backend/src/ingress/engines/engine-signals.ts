import type { GetModelResponse, WatchResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { ShortName } from "@sluice/shared/hash-chain.ts";
import type { EngineView } from "./expected-time.ts";
import { HeldBlocks } from "./held-blocks.ts";
import type { PromptBlocks } from "./prompt-blocks.ts";

/** An engine reports at least once a second; one that missed several reports is not to be relied on. */
export const lostAfterMs = 5_000;
/** One that missed two is not to be compared with others. */
const staleAfterMs = 2_500;
/** A report that comes so long after a prompt was sent has it: the engine takes it in at the end of the step under way. */
const settledAfterMs = 200;

/** A prompt that was sent and of which nothing has come back yet. */
export interface SentPrompt {
  readonly numTokens: number;
  readonly numHeldTokens: number;
  readonly names: readonly ShortName[];
  readonly atMs: number;
}

/** How an engine looked when it last reported. */
export interface LastReport {
  readonly load: WatchResponse;
  readonly atMs: number;
}

/**
 * What is known of one engine, from its reports and from what was sent to it since: signals lag, so whoever sends counts
 * what he sent as work ahead until a report must have it. Times are on one monotonic clock.
 */
export class EngineSignals {
  readonly #address: string;
  readonly #remembersBlocks: boolean;
  readonly #held: HeldBlocks;
  #model: GetModelResponse | undefined;
  #report: LastReport | undefined;
  readonly #sent = new Set<SentPrompt>();
  #numSentTokens = 0;

  /**
   * @param address names the engine, alike in every ingress.
   * @param maxKnownBlocks how many block names are remembered; 0 takes every prompt for new everywhere.
   */
  constructor(address: string, maxKnownBlocks: number) {
    this.#address = address;
    this.#remembersBlocks = maxKnownBlocks > 0;
    this.#held = new HeldBlocks(maxKnownBlocks);
  }

  /** Undefined while the engine has not been reached. */
  get model(): GetModelResponse | undefined {
    return this.#model;
  }

  /** Absent while the engine is not there. */
  get report(): LastReport | undefined {
    return this.#report;
  }

  get numKnownBlocks(): number {
    return this.#held.numTold;
  }

  /** True when a request sent now would be expected to run. */
  isServing(nowMs: number): boolean {
    if (this.#model === undefined || this.#report === undefined || this.#report.load.draining) return false;
    return nowMs - this.#report.atMs < lostAfterMs;
  }

  introduce(model: GetModelResponse): void {
    this.#model = model;
  }

  /** A Watch begins. */
  beginWatch(): void {
    this.#held.begin();
  }

  /** False when cache events were missed: then the engine has to be watched anew, and holds nothing meanwhile. */
  noteReport(load: WatchResponse, nowMs: number): boolean {
    this.#report = { load, atMs: nowMs };
    for (const sent of this.#sent) {
      if (nowMs - sent.atMs < settledAfterMs) break;
      this.settle(sent);
    }
    return load.cacheEvents === undefined || this.#held.apply(load.cacheEvents);
  }

  /** The engine is gone. */
  lose(): void {
    this.#model = undefined;
    this.#report = undefined;
    this.#held.begin();
  }

  /** A prompt is sent. Either `settle` or `fail` has to follow; more than one does no harm. */
  send(prompt: PromptBlocks, nowMs: number): SentPrompt {
    const numHeldTokens = this.#countHeld(prompt, nowMs);
    const cachedBlockSize = this.#cachedBlockSize;
    const names = cachedBlockSize === undefined ? [] : prompt.names(cachedBlockSize);
    const sent = { numTokens: prompt.numTokens - numHeldTokens, numHeldTokens, names, atMs: nowMs };
    this.#sent.add(sent);
    this.#numSentTokens += sent.numTokens;
    this.#held.expect(names, nowMs);
    return sent;
  }

  /** The engine has taken the prompt in: its reports tell of it. */
  settle(sent: SentPrompt): void {
    if (this.#sent.delete(sent)) this.#numSentTokens -= sent.numTokens;
  }

  /** The engine has not computed the prompt. */
  fail(sent: SentPrompt): void {
    this.settle(sent);
    this.#held.unexpect(sent.names);
  }

  /** Only of an engine that serves. */
  view(prompt: PromptBlocks, nowMs: number): EngineView | undefined {
    if (this.#model === undefined || this.#report === undefined) return undefined;
    const { blockSize, maxNumBatchedTokens, maxNumSeqs } = this.#model;
    const { load, atMs } = this.#report;
    return {
      isStale: nowMs - atMs >= staleAfterMs,
      numRunning: load.numRunning,
      numWaiting: load.numWaiting,
      numSent: this.#sent.size,
      numQueuedTokens: load.numQueuedTokens + this.#numSentTokens,
      numFreeBlocks: load.numFreeBlocks,
      blockSize,
      maxNumBatchedTokens,
      maxNumSeqs,
      pace: load.pace ?? {},
      numPromptTokens: prompt.numTokens,
      numHeldTokens: this.#countHeld(prompt, nowMs),
      homeRank: this.#cachedBlockSize && prompt.homeRank(this.#cachedBlockSize, this.#address),
    };
  }

  /** Absent when prefixes do not matter to the engine, or not to us. */
  get #cachedBlockSize(): number | undefined {
    return this.#remembersBlocks && this.#model?.prefixCaching === true ? this.#model.blockSize : undefined;
  }

  #countHeld(prompt: PromptBlocks, nowMs: number): number {
    const cachedBlockSize = this.#cachedBlockSize;
    return cachedBlockSize === undefined ? 0 : prompt.countHeld(cachedBlockSize, (name) => this.#held.has(name, nowMs));
  }
}
