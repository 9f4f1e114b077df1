/**
 * A partition of 0 … n-1 into sets that can be split: members are marked, then each set is split into its marked and its other
 * members, of which the smaller part becomes a new set.
 */
export class Partition {
  /** The members, those of a set side by side, the marked ones first. */
  readonly #members: number[];
  /** member -> its index in `members`. */
  readonly #indexes: number[];
  /** member -> its set. */
  readonly #sets: number[];
  /** set -> where it begins and ends in `members`, and how many are marked. */
  readonly #firsts: number[] = [];
  readonly #ends: number[] = [];
  readonly #numMarked: number[] = [];
  #touched: number[] = [];

  /** @param members each once. @param sizes of the sets that they are in, one after the other; one set when left out. */
  constructor(members: readonly number[], sizes: readonly number[] = members.length === 0 ? [] : [members.length]) {
    this.#members = [...members];
    this.#indexes = Array.from({ length: members.length }, () => 0);
    for (const [index, member] of members.entries()) this.#indexes[member] = index;
    this.#sets = Array.from({ length: members.length }, () => 0);
    let first = 0;
    for (const [set, size] of sizes.entries()) {
      this.#firsts.push(first);
      this.#ends.push(first + size);
      this.#numMarked.push(0);
      for (let index = first; index < first + size; index += 1) this.#sets[members[index] ?? 0] = set;
      first += size;
    }
  }

  /** How many sets there are. */
  get size(): number {
    return this.#firsts.length;
  }

  setOf(member: number): number {
    return this.#sets[member] ?? 0;
  }

  membersOf(set: number): number[] {
    return this.#members.slice(this.#firsts[set], this.#ends[set]);
  }

  /** A member that is marked already stays so. */
  mark(member: number): void {
    const set = this.setOf(member);
    const numMarked = this.#numMarked[set] ?? 0;
    const next = (this.#firsts[set] ?? 0) + numMarked;
    const index = this.#indexes[member] ?? 0;
    if (index < next) return;
    if (numMarked === 0) this.#touched.push(set);
    const other = this.#members[next] ?? 0;
    this.#members[index] = other;
    this.#indexes[other] = index;
    this.#members[next] = member;
    this.#indexes[member] = next;
    this.#numMarked[set] = numMarked + 1;
  }

  split(): void {
    for (const set of this.#touched) {
      const [first, end] = [this.#firsts[set] ?? 0, this.#ends[set] ?? 0];
      const middle = first + (this.#numMarked[set] ?? 0);
      this.#numMarked[set] = 0;
      if (middle === end) continue;
      const isMarkedSmaller = middle - first <= end - middle;
      const added = this.size;
      this.#firsts.push(isMarkedSmaller ? first : middle);
      this.#ends.push(isMarkedSmaller ? middle : end);
      this.#numMarked.push(0);
      if (isMarkedSmaller) this.#firsts[set] = middle;
      else this.#ends[set] = middle;
      for (const member of this.membersOf(added)) this.#sets[member] = added;
    }
    this.#touched = [];
  }
}
