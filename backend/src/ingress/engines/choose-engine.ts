// Which engine takes a prompt: the one where it costs least (expected-time.ts): its own time to the first token, and what
// others lose. An engine that holds the prompt's prefix has less to compute, so turns of one conversation and prompts of one
// kind find their way back by themselves, for as long as the work ahead does not cost more than the prefix saves.
//
// Many ingresses choose by the same reports, which are a moment old. If all took the very best engine, they would all
// take the same one; so of those that are nearly as good, two are drawn and the better is taken (power of two choices:
// Mitzenmacher, IEEE TPDS 12(10), 2001). A prompt that nobody holds has a home, the same for every ingress (rendezvous
// hashing by its first block: Thaler and Ravishankar, IEEE/ACM ToN 6(1), 1998), so that they begin to fill one cache with it and not several.
import { type EngineView, expectedMs, othersMs, workAhead } from "./expected-time.ts";

/** Engines that differ by less than this are equally good, as far as anybody can tell. */
const nearlyAsGood = 1.1;
const nearlyAsGoodMs = 0.5;

/** By what an engine was chosen. */
export type PickReason =
  /** It costs least, and holds a part of the prompt. */
  | "prefix"
  /** It costs least, and holds nothing of the prompt. */
  | "expected_time"
  /** Nobody knows how long a token takes: it has the fewest of them ahead. */
  | "least_load"
  /** No report is fresh enough to compare by. */
  | "random";

export interface Pick<Candidate> {
  readonly candidate: Candidate;
  readonly reason: PickReason;
}

/** Something that can take a prompt, and how it looks to the prompt. */
export interface Candidate {
  readonly view: EngineView;
}

/** @param random in [0, 1). Absent when there are no candidates. */
export function chooseEngine<C extends Candidate>(candidates: readonly C[], random: () => number): Pick<C> | undefined {
  const fresh = candidates.filter(({ view }) => !view.isStale);
  const [first] = fresh;
  if (first === undefined) {
    const candidate = draw(candidates, random);
    return candidate && { candidate, reason: "random" };
  }
  const usualMs = usualPrefillMs(fresh);
  const home = findHome(fresh);
  const costOf = (candidate: C): number => {
    const { view } = candidate;
    if (usualMs === undefined) return workAhead(view);
    const prefillMsPerToken = view.pace.prefillMsPerToken ?? usualMs;
    return expectedMs(view, prefillMsPerToken) + othersMs(view, prefillMsPerToken, candidate === home);
  };
  const candidate = betterOfTwo(fresh, costOf, random) ?? first;
  if (usualMs === undefined) return { candidate, reason: "least_load" };
  return { candidate, reason: candidate.view.numHeldTokens > 0 ? "prefix" : "expected_time" };
}

/** Absent when some engine holds a part of the prompt, or none of its blocks could be held. */
function findHome<C extends Candidate>(candidates: readonly C[]): C | undefined {
  let home: C | undefined;
  for (const candidate of candidates) {
    const { numHeldTokens, homeRank } = candidate.view;
    if (numHeldTokens > 0 || homeRank === undefined) return undefined;
    if (home === undefined || homeRank > (home.view.homeRank ?? 0)) home = candidate;
  }
  return home;
}

/** Of those that cost nearly the least, the cheaper of two drawn ones. */
function betterOfTwo<C>(
  candidates: readonly C[],
  costOf: (candidate: C) => number,
  random: () => number,
): C | undefined {
  const priced = candidates.map((candidate) => ({ candidate, cost: costOf(candidate) }));
  const least = Math.min(...priced.map(({ cost }) => cost));
  const near = priced.filter(({ cost }) => cost <= least * nearlyAsGood + nearlyAsGoodMs);
  const one = draw(near, random);
  const other = draw(
    near.filter((each) => each !== one),
    random,
  );
  return one !== undefined && other !== undefined && other.cost < one.cost ? other.candidate : one?.candidate;
}

/** What an engine that has not measured anything yet is taken to need; absent when none has. */
function usualPrefillMs(candidates: readonly Candidate[]): number | undefined {
  const measured = candidates.flatMap(({ view }) => view.pace.prefillMsPerToken ?? []);
  if (measured.length === 0) return undefined;
  return measured.reduce((sum, ms) => sum + ms, 0) / measured.length;
}

function draw<T>(list: readonly T[], random: () => number): T | undefined {
  return list[Math.floor(random() * list.length)];
}
