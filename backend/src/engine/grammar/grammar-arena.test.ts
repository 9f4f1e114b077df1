import fc from "fast-check";
import { expect, test } from "vitest";
import type { GrammarId } from "./compiled-grammar.ts";
import { GrammarArena } from "./grammar-arena.ts";

const limits = { arenaBytes: 1024, maxGrammarBytes: 256 };

interface Place {
  readonly id: GrammarId;
  readonly offset: number;
  readonly sizeBytes: number;
}

function put(arena: GrammarArena, key: string, sizeBytes: number): Place | undefined {
  const offset = arena.findRoom();
  return offset === undefined ? undefined : { id: arena.place(key, offset, sizeBytes), offset, sizeBytes };
}

/** An arena, and what it must not do. */
class Watched {
  readonly faults: string[] = [];
  readonly live = new Map<number, Place & { readonly key: string; numUsers: number }>();
  readonly arena = new GrammarArena(limits, (id) => {
    if ((this.live.get(id)?.numUsers ?? 1) > 0) this.faults.push(`${id} was used when it went, or was not there`);
    this.live.delete(id);
  });

  put(key: string, sizeBytes: number): void {
    const place = put(this.arena, key, sizeBytes);
    if (place === undefined) {
      if (this.live.values().some(({ numUsers }) => numUsers === 0)) this.faults.push(`${key} found no room`);
      return;
    }
    const end = place.offset + sizeBytes;
    const isBeside = (other: Place): boolean => end <= other.offset || other.offset + other.sizeBytes <= place.offset;
    if (place.offset % 16 !== 0 || end > limits.arenaBytes) this.faults.push(`${key} at ${place.offset}`);
    if (!this.live.values().every(isBeside)) this.faults.push(`${key} overlaps another`);
    this.live.set(place.id, { ...place, key, numUsers: 0 });
  }

  use(index: number): void {
    const place = [...this.live.values()][index % this.live.size];
    if (place === undefined) return;
    if (this.arena.use(place.key) !== place.id) this.faults.push(`${place.key} is another`);
    place.numUsers += 1;
  }

  release(index: number): void {
    const used = [...this.live.values()].filter(({ numUsers }) => numUsers > 0);
    const place = used[index % used.length];
    if (place === undefined) return;
    this.arena.release(place.key);
    place.numUsers -= 1;
  }
}

test("places never overlap, lie within the arena, and are kept while they are used", () => {
  const action = fc.record({
    kind: fc.constantFrom("put" as const, "use" as const, "release" as const),
    size: fc.integer({ min: 1, max: 256 }),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const watched = new Watched();
      for (const [step, { kind, size }] of actions.entries()) {
        if (kind === "put") watched.put(`${step}`, size);
        else watched[kind](size);
      }
      expect(watched.faults).toEqual([]);
      expect(watched.arena.numPlaced).toBe(watched.live.size);
    }),
  );
});

test("the least recently used goes first", () => {
  const gone: number[] = [];
  const arena = new GrammarArena(limits, (id) => gone.push(id));
  const ids = ["a", "b", "c"].map((key) => put(arena, key, 256)?.id);
  expect(arena.use("a")).toBe(ids[0]);
  arena.release("a");
  put(arena, "d", 256);
  expect(gone).toEqual([]);
  put(arena, "e", 256);
  expect(gone).toEqual([ids[1]]);
  expect(arena.use("b")).toBeUndefined();
});

test("while everything is in use there is no room", () => {
  const arena = new GrammarArena(limits, () => {});
  for (const key of ["a", "b", "c", "d"]) {
    put(arena, key, 256);
    arena.use(key);
  }
  expect(arena.findRoom()).toBeUndefined();
  expect(arena.numUsed).toBe(4);
  arena.release("c");
  expect(arena.findRoom()).toBe(512);
  expect(() => arena.release("c")).toThrow("nobody uses");
});
