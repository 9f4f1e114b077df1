// Random requests against an engine's process that has too few blocks for them, in rounds. Each round ends when everything has
// ended: then every block must be free. What came whole must be what the same request gives alone, bit by bit; what was cut off,
// its beginning. Memory, read in these pauses, must not grow.
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "@sluice/shared/errors.ts";
import { loadServedModel, type ServedModel } from "#ingress/text/served-model.ts";
import { describe, emptyAnswer, isBeginning, isSame, receive } from "./answer.ts";
import { computeAlone, type Known } from "./compute-alone.ts";
import { Dice } from "./dice.ts";
import { drawPlan, readPrompts } from "./draw-plan.ts";
import { type MemoryReading, readMemory } from "./memory.ts";
import { modelDir, modelId, SoakEngine } from "./soak-engine.ts";
import { kindsOf, type SoakKind, soakKinds } from "./soak-kinds.ts";
import { numChoicesOf, type SoakPlan, withId } from "./soak-plan.ts";

export interface SoakOptions {
  readonly seed: number;
  /** Of load, over all rounds. */
  readonly durationMs: number;
  readonly numRounds: number;
  /** Different requests; each is computed alone once. */
  readonly numPlans: number;
  readonly log: (line: string) => void;
}

export interface SoakResult {
  /** Requests, by how they ended: `whole`, `left` by the client, or the code of their error. */
  readonly numEnded: ReadonlyMap<string, number>;
  readonly numChoices: number;
  /** Answers that were whole, by what was asked for, and by tenant. */
  readonly numWhole: ReadonlyMap<SoakKind | `of ${string}`, number>;
  readonly numGenerated: number;
  readonly numPreempted: number;
  /** Requests whose answer was not the one computed alone: empty when all is well. */
  readonly wrong: readonly string[];
  readonly rounds: readonly SoakRound[];
}

/** How it stood after a round. */
interface SoakRound {
  /** Requests asked so far. */
  readonly numAsked: number;
  readonly memory: MemoryReading;
}

/** Room for less than two of the longest sequences, fewer than run at once; and for a few of the grammars, the largest of which just fits. */
const scarce = {
  SLUICE_BLOCK_SIZE: "16",
  SLUICE_NUM_BLOCKS: "56",
  SLUICE_MAX_NUM_SEQS: "24",
  SLUICE_MAX_QUEUED_REQUESTS: "72",
  SLUICE_NUM_SPECULATIVE_TOKENS: "7",
  SLUICE_PROMPT_LOOKUP_MIN: "1",
  SLUICE_GRAMMAR_CACHE_BYTES: `${6 * 1024 * 1024}`,
};
const maxInFlight = 60;
/** Between arrivals, in a rush and out of it. */
const meanGapMs = { rush: 4, calm: 60 };
const meanSpellMs = 1_500;
const farMs = 120_000;

/** What becomes of a request that nothing goes wrong with. */
type Fate =
  | { readonly kind: "stays" }
  /** The client leaves after so many lots of events. */
  | { readonly kind: "leaves"; readonly afterEvents: number }
  /** The client leaves, wherever the request is by then: not yet sent, waiting, computing its prompt. */
  | { readonly kind: "leaves early"; readonly afterMs: number }
  | { readonly kind: "times out"; readonly afterMs: number };

export async function runSoak({ seed, durationMs, numRounds, numPlans, log }: SoakOptions): Promise<SoakResult> {
  const dice = new Dice(seed);
  const model = await loadServedModel(modelDir, modelId);
  const prompts = await readPrompts(`${modelDir}/held-out.jsonl`, model);
  const plans = Array.from({ length: numPlans }, () => drawPlan(dice, prompts, model));
  const known = await computeAlone(plans, model);
  log(`${known.length} requests computed alone`);
  const engine = await SoakEngine.start(scarce);
  try {
    const soak = new Soak(engine, model, known, dice);
    const rounds: SoakRound[] = [];
    for (let round = 1; round <= numRounds; round += 1) {
      await soak.runFor(durationMs / numRounds);
      await engine.until(({ numFreeBlocks, numBlocks, numRunning, numWaiting }) => {
        return numRunning + numWaiting === 0 && numFreeBlocks === numBlocks;
      });
      const memory = await readMemory(engine.child);
      rounds.push({ numAsked: soak.numAsked, memory });
      log(`round ${round} of ${numRounds}: ${soak.summary}; ${formatReading(memory)}`);
    }
    return soak.result(rounds);
  } finally {
    await engine.stop();
  }
}

class Soak {
  readonly #engine: SoakEngine;
  readonly #model: ServedModel;
  readonly #known: readonly Known[];
  readonly #dice: Dice;
  readonly #numEnded = new Map<string, number>();
  readonly #numWhole = new Map<SoakKind | `of ${string}`, number>();
  readonly #wrong: string[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #numAsked = 0;
  #numChoices = 0;

  constructor(engine: SoakEngine, model: ServedModel, known: readonly Known[], dice: Dice) {
    this.#engine = engine;
    this.#model = model;
    this.#known = known;
    this.#dice = dice;
  }

  get numAsked(): number {
    return this.#numAsked;
  }

  get summary(): string {
    const ended = [...this.#numEnded].map(([how, count]) => `${count} ${how}`).join(", ");
    return `${ended}; ${this.#engine.load?.numPreemptionsTotal ?? 0} preempted; ${this.#wrong.length} wrong`;
  }

  result(rounds: readonly SoakRound[]): SoakResult {
    return {
      numEnded: this.#numEnded,
      numChoices: this.#numChoices,
      numWhole: this.#numWhole,
      numGenerated: this.#engine.load?.generationTokensTotal ?? 0,
      numPreempted: this.#engine.load?.numPreemptionsTotal ?? 0,
      wrong: this.#wrong,
      rounds,
    };
  }

  /** Requests arrive for so long; settles when the last of them has ended. */
  async runFor(durationMs: number): Promise<void> {
    const end = performance.now() + durationMs;
    let spellEnd = 0;
    let meanMs = meanGapMs.calm;
    while (performance.now() < end) {
      if (performance.now() > spellEnd) {
        spellEnd = performance.now() + this.#dice.exponential(meanSpellMs);
        meanMs = meanMs === meanGapMs.calm ? meanGapMs.rush : meanGapMs.calm;
      }
      await Promise.race([sleep(this.#dice.exponential(meanMs)), this.#engine.child.died]);
      if (this.#inFlight.size < maxInFlight) this.#start();
    }
    await Promise.all(this.#inFlight);
  }

  #start(): void {
    const { asked, alone } = this.#dice.pick(this.#known);
    this.#numAsked += 1;
    this.#numChoices += numChoicesOf(asked);
    const request = this.#ask({ asked: withId(asked, `soak-${this.#numAsked}`), alone }, this.#drawFate());
    this.#inFlight.add(request);
    void request.finally(() => this.#inFlight.delete(request));
  }

  #drawFate(): Fate {
    if (this.#dice.chance(0.15)) return { kind: "leaves", afterEvents: this.#dice.between(0, 30) };
    if (this.#dice.chance(0.06)) return { kind: "leaves early", afterMs: this.#dice.between(0, 300) };
    if (this.#dice.chance(0.06)) return { kind: "times out", afterMs: this.#dice.between(1, 400) };
    return { kind: "stays" };
  }

  async #ask({ asked, alone }: Known, fate: Fate): Promise<void> {
    const client = new AbortController();
    const leave = (): void => client.abort(new AppError("request_cancelled"));
    const timer = fate.kind === "leaves early" ? setTimeout(leave, fate.afterMs) : undefined;
    const deadlineMs = Date.now() + (fate.kind === "times out" ? fate.afterMs : farMs);
    const answer = emptyAnswer(asked);
    let numLots = 0;
    const leaveInTime = (): void => {
      if (fate.kind === "leaves" && numLots >= fate.afterEvents) leave();
      numLots += 1;
    };
    try {
      const asking = { asked, model: this.#model, pool: this.#engine.pool };
      const received = receive(asking, { signal: client.signal, deadlineMs }, answer, leaveInTime);
      leaveInTime();
      await received;
      this.#note("whole");
      this.#noteKinds(asked);
      if (!isSame(answer, alone)) this.#wrong.push(describe(asked, answer, alone));
    } catch (thrown) {
      const { code, message, retryAfterMs } = AppError.from(thrown);
      this.#note(code === "request_cancelled" ? "left" : code);
      if (!isBeginning(answer, alone)) this.#wrong.push(describe(asked, answer, alone));
      if (refusals.has(code) && retryAfterMs === undefined) this.#wrong.push(`${code} without a time`);
      if (!expectedCodes.has(code)) this.#wrong.push(`${code}: ${message}`);
    } finally {
      clearTimeout(timer);
    }
  }

  #noteKinds(asked: SoakPlan): void {
    const kinds = kindsOf(asked);
    const { tenant } = asked.kind === "text" ? asked.plan : asked.request;
    for (const kind of [...soakKinds.filter((each) => kinds[each]), `of ${tenant}` as const]) {
      this.#numWhole.set(kind, (this.#numWhole.get(kind) ?? 0) + 1);
    }
  }

  #note(how: string): void {
    this.#numEnded.set(how, (this.#numEnded.get(how) ?? 0) + 1);
  }
}

const refusals: ReadonlySet<string> = new Set(["server_is_overloaded", "rate_limit_exceeded"]);
/** How a request may end beside well: by its own fate, or because the queue is full. */
const expectedCodes: ReadonlySet<string> = new Set(["request_cancelled", "deadline_exceeded", ...refusals]);

function formatReading({ rss, mainHeap, engineHeap, external }: MemoryReading): string {
  const [total, ...parts] = [rss, mainHeap, engineHeap, external].map((bytes) => (bytes / 2 ** 20).toFixed(1));
  return `${total} MiB resident, heaps ${parts.slice(0, 2).join(" and ")}, outside of them ${parts[2]}`;
}
