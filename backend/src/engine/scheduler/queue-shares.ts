// Who gets the room of a waiting queue that is full. First come, first served would give it to whoever sends most, and shut
// the others out before fair shares of the engine (fair-shares.ts) could do anything for them. So room is shared as routers
// share a full buffer, by taking it from the longest queue: "buffer stealing" of stochastic fairness queueing (McKenney, INFOCOM
// 1990), with which deficit round robin is defined too (Shreedhar and Varghese, SIGCOMM 1995). While there is room, anybody may
// have all of it; when there is none, a tenant that has less than its share takes it from the one that is furthest above its
// own. Nothing is lost with what is displaced, since nothing of it was computed; its caller comes back later.

/** Of the queue, or of a request's part in it. */
export interface QueueRoom {
  readonly numSequences: number;
  readonly numTokens: number;
}

/** A request that waits and of which nothing was computed yet. */
export interface Displaceable extends QueueRoom {
  /** Lower runs first. */
  readonly priority: number;
}

/** What one tenant has waiting. */
export interface Holding<Request extends Displaceable> extends QueueRoom {
  readonly tenant: string;
  readonly numRequests: number;
  /** In the order in which they would start. */
  readonly displaceable: readonly Request[];
}

export type RoomAnswer<Request> =
  /** There is room once these have gone; mostly none. */
  { readonly kind: "room"; readonly displaced: readonly Request[] } | NoRoom;

/** Why a request gets no room, and of what there is too little. */
export interface NoRoom {
  /** `over_share`: the asking tenant has its share, and others wait too. */
  readonly kind: "full" | "over_share";
  readonly measure: keyof QueueRoom;
}

/**
 * Makes room for a request, or says why not. What its tenant has waiting of lower priority goes first, the last of the lowest. Of
 * others, only tenants above their share lose anything, never to a request of lower priority, their last first and not their only
 * one (or more tenants than there are places would displace each other for ever). Nobody loses anything for a request that does
 * not fit all the same. A tenant that has nothing waiting is not above its share whatever it asks for.
 *
 * @param free what is left; negative when it was overdrawn.
 * @param bounds what there is to share.
 */
export function shareQueue<Request extends Displaceable>(
  asked: Displaceable & { readonly tenant: string },
  holdings: readonly Holding<Request>[],
  free: QueueRoom,
  bounds: QueueRoom,
): RoomAnswer<Request> {
  const own = holdings.find(({ tenant }) => tenant === asked.tenant);
  const others = holdings.filter((holding) => holding !== own);
  const displaced: Request[] = [];
  const yielding = own?.displaceable.filter(({ priority }) => priority > asked.priority) ?? [];
  for (const measure of ["numSequences", "numTokens"] as const) {
    const share = bounds[measure] / (others.length + 1);
    let missing = asked[measure] - free[measure] - sumOf(displaced, measure);
    while (missing > 0) {
      const last = yielding.pop();
      if (last === undefined) break;
      displaced.push(last);
      missing -= last[measure];
    }
    if (missing <= 0) continue;
    if (others.length === 0) return { kind: "full", measure };
    const ownDisplaced = displaced.filter((request) => own?.displaceable.includes(request));
    if (own !== undefined && own[measure] - sumOf(ownDisplaced, measure) + asked[measure] > share)
      return { kind: "over_share", measure };
    const queues = others.map((holding) => new Losing(holding, displaced, measure, asked.priority));
    for (; missing > 0;) {
      const longest = queues.filter((queue) => queue.held > share).toSorted((a, b) => b.held - a.held)[0];
      if (longest === undefined) return { kind: "full", measure };
      const last = longest.lose();
      if (last === undefined) queues.splice(queues.indexOf(longest), 1);
      else {
        displaced.push(last);
        missing -= last[measure];
      }
    }
  }
  return { kind: "room", displaced };
}

/** A tenant's queue as it gets shorter. */
class Losing<Request extends Displaceable> {
  held: number;
  #numRequests: number;
  readonly #measure: keyof QueueRoom;
  readonly #displaceable: Request[];

  constructor(holding: Holding<Request>, gone: readonly Request[], measure: keyof QueueRoom, priority: number) {
    const own = holding.displaceable.filter((request) => gone.includes(request));
    this.#measure = measure;
    this.held = holding[measure] - sumOf(own, measure);
    this.#numRequests = holding.numRequests - own.length;
    this.#displaceable = holding.displaceable.filter(
      (request) => !own.includes(request) && request.priority >= priority,
    );
  }

  /** Absent when nothing more can be taken. */
  lose(): Request | undefined {
    const last = this.#numRequests > 1 ? this.#displaceable.pop() : undefined;
    if (last === undefined) return undefined;
    this.#numRequests -= 1;
    this.held -= last[this.#measure];
    return last;
  }
}

function sumOf(requests: readonly QueueRoom[], measure: keyof QueueRoom): number {
  return requests.reduce((sum, request) => sum + request[measure], 0);
}
