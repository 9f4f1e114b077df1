// Many callers at once, who enter by two Workers, and of whom each leaves in its phase.
import { encodeEvent } from "@sluice/shared/sse.ts";
import { vi } from "vitest";
import { ping, streamForever, tokenStream } from "./behaviours.ts";
import { byTwin } from "./dev-twins.ts";
import type { Edge, Place } from "./edge.ts";
import type { Behaviour, MockRegion } from "./mock-region.ts";

/** How far an answer gets before its caller leaves. */
export const phases = ["before the headers", "before the first token", "in mid-stream", "at its end"] as const;

export type Phase = (typeof phases)[number];

/** Tokens that a caller's request reserves. */
export const reservedTokens = 60;

export interface Caller {
  readonly key: string;
  readonly id: string;
  readonly phase: Phase;
  readonly entersByTwin: boolean;
  readonly from: Place | undefined;
}

/** `count` callers, who use the keys by turns, and each Worker and place by turns. */
export function callersOf(
  keys: readonly string[],
  count: number,
  phaseOf: (index: number) => Phase,
  places: readonly Place[] = [],
): Caller[] {
  return Array.from({ length: count }, (_, index) => {
    const turn = Math.floor(index / keys.length);
    const key = keys[index % keys.length] ?? "";
    const from = places[Math.floor(turn / 2) % places.length];
    return { key, id: crypto.randomUUID(), phase: phaseOf(index), entersByTwin: turn % 2 === 1, from };
  });
}

/** What became of a burst. */
export interface Burst {
  /** Requests that reached the region. */
  readonly numIn: number;
  /** Until everybody's request was decided. */
  readonly lastedMs: number;
  /** Status and body of answers that are neither 200 nor 429. */
  readonly otherAnswers: readonly string[];
}

export class Crowd {
  readonly #edge: Edge;
  readonly #region: MockRegion;
  /** caller's id -> called when the region has its request. */
  readonly #arrivals = new Map<string, () => void>();
  /** caller's id -> goes on with the answer when its caller does not look any more. */
  readonly #endings = new Map<string, () => void>();
  readonly #otherAnswers: string[] = [];
  #numOpen = 0;
  #mostOpen = 0;

  constructor(edge: Edge, region: MockRegion) {
    this.#edge = edge;
    this.#region = region;
    const behaviours: Readonly<Record<Phase, Behaviour>> = {
      // As a region does that is busy, it says that it is there; but here, not before its caller has left.
      "before the headers": (response, received) => {
        this.#endings.set(callerIn(received.body).id, () => ping(response, received));
      },
      "before the first token": ping,
      "in mid-stream": streamForever,
      "at its end": (response, received) => {
        response.writeHead(200, { "content-type": "text/event-stream" }).write(encodeEvent({ index: 0 }));
        this.#endings.set(callerIn(received.body).id, () => response.end(tokenStream(1)));
      },
    };
    region.behaviour = (response, received) => {
      const { id, phase } = callerIn(received.body);
      this.#numOpen += 1;
      this.#mostOpen = Math.max(this.#mostOpen, this.#numOpen);
      response.on("close", () => (this.#numOpen -= 1));
      behaviours[phase](response, received);
      this.#arrivals.get(id)?.();
    };
  }

  /** Most requests that the region had open at once. */
  get mostOpen(): number {
    return this.#mostOpen;
  }

  /** Forgets what was, once nothing is open any more. */
  async reset(): Promise<void> {
    await vi.waitUntil(() => this.#numOpen === 0, 15_000);
    this.#region.received.length = 0;
    this.#mostOpen = 0;
  }

  /** All at once; those who got in stay until everybody else was refused. */
  async burst(callers: readonly Caller[]): Promise<Burst> {
    const startedAtMs = performance.now();
    const before = this.#region.received.length;
    this.#otherAnswers.length = 0;
    const numIn = () => this.#region.received.length - before;
    const areDecided = Promise.withResolvers<void>();
    let numRefused = 0;
    const calls = callers.map(async (caller) => {
      const status = await this.#call(caller, areDecided.promise);
      if (status !== 200) numRefused += 1;
      return status;
    });
    await vi.waitUntil(() => numIn() + numRefused >= callers.length, { timeout: 25_000, interval: 5 });
    const lastedMs = performance.now() - startedAtMs;
    areDecided.resolve();
    await Promise.all(calls);
    return { numIn: numIn(), lastedMs, otherAnswers: [...this.#otherAnswers] };
  }

  /** Tries until it gets in, and leaves as soon as its phase has come. Its last status. */
  async pushIn(caller: Caller): Promise<number> {
    for (;;) {
      const status = await this.#call(caller, Promise.resolve());
      if (status !== 429) return status;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** The status; 200 for who left before there was any. */
  async #call({ key, id, phase, entersByTwin, from }: Caller, mayLeave: Promise<void>): Promise<number> {
    const isIn = Promise.withResolvers<void>();
    this.#arrivals.set(id, isIn.resolve);
    const leaving = new AbortController();
    const body = { stream: true, user: `${phase}/${id}`, prompt: Array(10).fill(1), max_tokens: reservedTokens - 10 };
    const options = { signal: leaving.signal, headers: entersByTwin ? byTwin : {}, ...(from && { from }) };
    const answer = this.#edge.complete(key, body, options);
    const refusal = await Promise.race([answer, isIn.promise]);
    if (refusal !== undefined && refusal.status !== 200) {
      const told = await refusal.text();
      if (refusal.status !== 429) this.#otherAnswers.push(`${refusal.status} ${told}`);
      return refusal.status;
    }
    await mayLeave;
    if (phase === "before the headers") {
      leaving.abort();
      await answer.catch(() => undefined);
      this.#endings.get(id)?.();
      return 200;
    }
    const response = await answer;
    const reader = response.body?.getReader();
    await reader?.read();
    if (phase !== "at its end") leaving.abort();
    else {
      this.#endings.get(id)?.();
      while ((await reader?.read())?.done === false);
    }
    return response.status;
  }
}

/** Who sent the body that a region got. */
function callerIn(body: string): { readonly id: string; readonly phase: Phase } {
  const { user } = JSON.parse(body) as { readonly user: string };
  const [name, id = ""] = user.split("/");
  const phase = phases.find((one) => one === name);
  if (phase === undefined) throw new Error("a request of nobody here");
  return { id, phase };
}
