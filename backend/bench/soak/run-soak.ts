// Random requests against an engine's process that has too few blocks for them, in rounds. Each round ends when everything has
// ended: then every block must be free. What came whole must be what the same request gives alone, bit by bit; what was cut off,
// its beginning. Memory, read in these pauses, must not grow.
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "@sluice/shared/errors.ts";
import type { GenerationPlan } from "#ingress/generation/generation.ts";
import { loadServedModel, type ServedModel } from "#ingress/text/served-model.ts";
import { type Answer, emptyAnswer, isBeginning, isSame, receive } from "./answer.ts";
import { Dice } from "./dice.ts";
import { drawPlan, readPrompts } from "./draw-plan.ts";
import { type MemoryReading, readMemory } from "./memory.ts";
import { modelDir, modelId, SoakEngine } from "./soak-engine.ts";

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
  readonly numGenerated: number;
  readonly numPreempted: number;
  /** Requests whose answer was not the one computed alone: empty when all is well. */
  readonly wrong: readonly string[];
  /** After each round. */
  readonly memory: readonly MemoryReading[];
}

/** Room for less than two of the longest sequences: fewer than run at once. */
const scarce = {
  SLUICE_BLOCK_SIZE: "16",
  SLUICE_NUM_BLOCKS: "56",
  SLUICE_MAX_NUM_SEQS: "24",
  SLUICE_MAX_QUEUED_REQUESTS: "72",
};
const ample = { SLUICE_BLOCK_SIZE: "16", SLUICE_NUM_BLOCKS: "1024", SLUICE_PREFIX_CACHING: "off" };
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
  | { readonly kind: "times out"; readonly afterMs: number };

interface Known {
  readonly plan: GenerationPlan;
  readonly alone: Answer;
}

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
    const memory: MemoryReading[] = [];
    for (let round = 1; round <= numRounds; round += 1) {
      await soak.runFor(durationMs / numRounds);
      await engine.until(({ numFreeBlocks, numBlocks, numRunning, numWaiting }) => {
        return numRunning + numWaiting === 0 && numFreeBlocks === numBlocks;
      });
      const reading = await readMemory(engine.child);
      memory.push(reading);
      log(`round ${round} of ${numRounds}: ${soak.summary}; ${Math.round(reading.rss / 2 ** 20)} MiB resident`);
    }
    return soak.result(memory);
  } finally {
    await engine.stop();
  }
}

/** One request at a time, in an engine with room for it and no prefix cache. */
async function computeAlone(plans: readonly GenerationPlan[], model: ServedModel): Promise<readonly Known[]> {
  const engine = await SoakEngine.start(ample);
  try {
    const known: Known[] = [];
    for (const [index, plan] of plans.entries()) {
      const ask = async (n: number, requestId: string): Promise<Answer> => {
        const asked = { ...plan, n, requestId };
        const answer = emptyAnswer(asked);
        const limits = { signal: new AbortController().signal, deadlineMs: Date.now() + farMs };
        await receive({ plan: asked, model, pool: engine.pool }, limits, answer);
        return answer;
      };
      const alone = await ask(plan.n, `alone-${index}`);
      const single = await ask(1, `single-${index}`);
      if (!isBeginning({ ...single, choices: single.choices.slice(0, 1) }, alone)) {
        throw new Error(`the first choice is not the only one's: ${describe(plan, single, alone)}`);
      }
      known.push({ plan, alone });
    }
    return known;
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

  get summary(): string {
    const ended = [...this.#numEnded].map(([how, count]) => `${count} ${how}`).join(", ");
    return `${ended}; ${this.#engine.load?.numPreemptionsTotal ?? 0} preempted; ${this.#wrong.length} wrong`;
  }

  result(memory: readonly MemoryReading[]): SoakResult {
    return {
      numEnded: this.#numEnded,
      numChoices: this.#numChoices,
      numGenerated: this.#engine.load?.generationTokensTotal ?? 0,
      numPreempted: this.#engine.load?.numPreemptionsTotal ?? 0,
      wrong: this.#wrong,
      memory,
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
    const { plan, alone } = this.#dice.pick(this.#known);
    this.#numAsked += 1;
    this.#numChoices += plan.n;
    const request = this.#ask({ ...plan, requestId: `soak-${this.#numAsked}` }, this.#drawFate(), alone);
    this.#inFlight.add(request);
    void request.finally(() => this.#inFlight.delete(request));
  }

  #drawFate(): Fate {
    if (this.#dice.chance(0.2)) return { kind: "leaves", afterEvents: this.#dice.between(0, 30) };
    if (this.#dice.chance(0.06)) return { kind: "times out", afterMs: this.#dice.between(1, 400) };
    return { kind: "stays" };
  }

  async #ask(plan: GenerationPlan, fate: Fate, alone: Answer): Promise<void> {
    const client = new AbortController();
    const deadlineMs = Date.now() + (fate.kind === "times out" ? fate.afterMs : farMs);
    const answer = emptyAnswer(plan);
    let numLots = 0;
    const leaveInTime = (): void => {
      if (fate.kind === "leaves" && numLots >= fate.afterEvents) client.abort(new AppError("request_cancelled"));
      numLots += 1;
    };
    try {
      const asked = receive(
        { plan, model: this.#model, pool: this.#engine.pool },
        { signal: client.signal, deadlineMs },
        answer,
        leaveInTime,
      );
      leaveInTime();
      await asked;
      this.#note("whole");
      if (!isSame(answer, alone)) this.#wrong.push(describe(plan, answer, alone));
    } catch (thrown) {
      const { code, message, retryAfterMs } = AppError.from(thrown);
      this.#note(code === "request_cancelled" ? "left" : code);
      if (!isBeginning(answer, alone)) this.#wrong.push(describe(plan, answer, alone));
      if (refusals.has(code) && retryAfterMs === undefined)
        this.#wrong.push(`${plan.requestId}: ${code} without a time`);
      if (!expectedCodes.has(code)) this.#wrong.push(`${plan.requestId}: ${code}: ${message}`);
    }
  }

  #note(how: string): void {
    this.#numEnded.set(how, (this.#numEnded.get(how) ?? 0) + 1);
  }
}

const refusals: ReadonlySet<string> = new Set(["overloaded", "rate_limit_exceeded"]);
/** How a request may end beside well: by its own fate, or because the queue is full. */
const expectedCodes: ReadonlySet<string> = new Set(["request_cancelled", "deadline_exceeded", ...refusals]);

function describe(plan: GenerationPlan, answer: Answer, alone: Answer): string {
  const { promptTokenIds, ...rest } = plan;
  return JSON.stringify({ plan: { ...rest, numPromptTokens: promptTokenIds.length }, answer, alone });
}
