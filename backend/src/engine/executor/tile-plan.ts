// Which tiles a run consists of, and which partial results belong to each row: the bookkeeping behind graph/attention.ts. A tile
// of a sequence is tileSize of its positions from a multiple of that on; where its blocks lie as a tile of the pool does, in their
// order from its first place on, it can be worked on in place.
// Pure: it sees positions and block ids, no tensors.
import type { TileShape } from "#engine/graph/step-inputs.ts";
import { findTile } from "./find-tile.ts";
import { chooseInPlaceRange } from "./in-place-range.ts";
import type { TileRange } from "./in-place-range.ts";

/** Consecutive rows of a run that belong to one sequence. */
export interface RowSpan {
  readonly firstRow: number;
  readonly numRows: number;
  /** Position of the first row's token; all earlier ones lie in the blocks. */
  readonly position: number;
  readonly blockTable: readonly number[];
}

/** New keys of a run, which belong into a tile from one of its places on. */
interface JoinedKeys {
  readonly place: number;
  readonly firstKey: number;
  readonly count: number;
}

/** A copied tile of keys, and the rows that look at it. */
export interface GatheredTile {
  /**
   * Blocks of the pool, as many as hold what was computed before, with new keys of this run where the tile is not full; or tileSize
   * new ones from row `firstKey` on.
   */
  readonly source:
    | { readonly kind: "pool"; readonly blocks: readonly number[]; readonly joined?: JoinedKeys }
    | { readonly kind: "chunk"; readonly firstKey: number };
  readonly rows: readonly number[];
  // index in `rows` -> how many of the tile's keys, from the first on, that row sees
  readonly visible: readonly number[];
  // index in `rows` -> how many positions the tile's first key lies before that row
  readonly distances: readonly number[];
}

/** One partial result of a row: tiles in place count from 0, gathered tiles go on after them. */
interface PartialRef {
  readonly tile: number;
  /** The row's index among the tile's rows. */
  readonly slot: number;
}

interface Visitor {
  readonly row: number;
  /** How many of the tile's keys it sees; 0 for a tile nobody needs. */
  readonly visible: number;
  /** How many positions the tile's first key lies before the row. */
  readonly distance: number;
}

export interface TilePlan {
  readonly inPlace: TileRange;
  // index in the range -> row that visits the tile
  readonly visitors: readonly Visitor[];
  /** Those with a pool source come first. */
  readonly gathered: readonly GatheredTile[];
  // row -> its partial results in the order of their positions, without the row's own
  readonly partials: readonly (readonly PartialRef[])[];
}

/** Rows of a prompt chunk that visit a tile together. */
export const maxTileRows = 64;

export interface PoolTiles extends TileShape {
  readonly numTiles: number;
}

export function planTiles(spans: readonly RowSpan[], numRows: number, pool: PoolTiles): TilePlan {
  const planner = new TilePlanner(spans, numRows, pool);
  return planner.plan();
}

/** A tile that may still take rows. */
interface OpenTile {
  readonly source: GatheredTile["source"];
  readonly rows: number[];
  readonly visible: number[];
  readonly distances: number[];
}

interface PastTile {
  /** As many as hold what was computed before, in order. */
  readonly blocks: readonly number[];
  /** Position of its first key. */
  readonly start: number;
  /** Keys in it that were computed before. */
  readonly visible: number;
}

/** A row whose sequence computes no other in this run. */
interface Decode {
  readonly row: number;
  readonly position: number;
  /** Each with the tile of the pool that it lies as; absent when it lies otherwise. */
  readonly past: readonly (PastTile & { readonly poolTile: number | undefined })[];
}

class TilePlanner {
  readonly #tileSize: number;
  readonly #blockSize: number;
  readonly #decodes: readonly Decode[];
  readonly #prompts: readonly RowSpan[];
  // tile of the pool -> the first decoding row that needs it, -1 for none
  readonly #firstOwner: Int32Array;
  readonly #inPlace: TileRange;
  readonly #visitors: Visitor[];
  readonly #gathered: OpenTile[] = [];
  readonly #partials: PartialRef[][];
  // blocks -> index in #gathered of the tile that still takes decoding rows
  readonly #openTile = new Map<string, number>();

  constructor(spans: readonly RowSpan[], numRows: number, { blockSize, tileSize, numTiles }: PoolTiles) {
    this.#blockSize = blockSize;
    this.#tileSize = tileSize;
    this.#decodes = spans.filter((span) => span.numRows === 1).map((span) => this.#decodeOf(span));
    this.#prompts = spans.filter((span) => span.numRows > 1);
    this.#firstOwner = new Int32Array(numTiles).fill(-1);
    for (const { row, past } of this.#decodes) {
      for (const { poolTile } of past) {
        if (poolTile !== undefined && (this.#firstOwner[poolTile] ?? 0) < 0) this.#firstOwner[poolTile] = row;
      }
    }
    this.#inPlace = chooseInPlaceRange(this.#firstOwner, numTiles);
    this.#visitors = Array.from({ length: this.#inPlace.count }, () => ({ row: 0, visible: 0, distance: 0 }));
    this.#partials = Array.from({ length: numRows }, () => []);
  }

  plan(): TilePlan {
    for (const decode of this.#decodes) this.#planDecode(decode);
    for (const span of this.#prompts) for (const rows of rowGroups(span)) this.#planPast(span, rows);
    // After all copies of pool blocks, because that is the order the graph lays them in.
    for (const span of this.#prompts) for (const rows of rowGroups(span)) this.#planChunk(span, rows);
    return {
      inPlace: this.#inPlace,
      visitors: this.#visitors,
      gathered: this.#gathered,
      partials: this.#partials,
    };
  }

  /** Each tile serves its first owner in place; the others share copies of it. */
  #planDecode({ row, position, past }: Decode): void {
    for (const { blocks, start, visible, poolTile = -1 } of past) {
      const distance = position - start;
      const tile = poolTile - this.#inPlace.first;
      const isInside = tile >= 0 && tile < this.#inPlace.count;
      if (isInside && this.#firstOwner[poolTile] === row) {
        this.#visitors[tile] = { row, visible, distance };
        this.#partials[row]?.push({ tile, slot: 0 });
      } else {
        this.#joinCopy(blocks, { row, visible, distance });
      }
    }
  }

  #joinCopy(blocks: readonly number[], { row, visible, distance }: Visitor): void {
    const key = blocks.join();
    const index = this.#openTile.get(key);
    const open = index === undefined ? undefined : this.#gathered[index];
    if (index === undefined || open === undefined || open.rows.length === maxTileRows) {
      this.#openTile.set(key, this.#gathered.length);
      this.#addTile({ source: { kind: "pool", blocks }, rows: [row], visible: [visible], distances: [distance] });
      return;
    }
    this.#partials[row]?.push({ tile: this.#inPlace.count + index, slot: open.rows.length });
    open.rows.push(row);
    open.visible.push(visible);
    open.distances.push(distance);
  }

  #planPast(span: RowSpan, rows: number[]): void {
    const lastRow = rows.at(-1) ?? span.firstRow;
    for (const { blocks, start, visible: place } of this.#past(span)) {
      const distances = rows.map((row) => span.position + row - span.firstRow - start);
      const count = Math.min(this.#tileSize - place, lastRow - span.firstRow);
      const joined = count > 0 && { joined: { place, firstKey: span.firstRow, count } };
      this.#addTile({
        source: { kind: "pool", blocks, ...joined },
        rows,
        visible: distances.map((distance) => Math.min(this.#tileSize, distance)),
        distances,
      });
    }
  }

  /** Rows of a chunk see the chunk's earlier rows, but for those joined to a block; themselves they see without a tile. */
  #planChunk(span: RowSpan, rows: number[]): void {
    const lastRow = rows.at(-1) ?? span.firstRow;
    const filled = span.position % this.#tileSize;
    const numJoined = filled === 0 ? 0 : this.#tileSize - filled;
    for (let firstKey = span.firstRow + numJoined; firstKey < lastRow; firstKey += this.#tileSize) {
      const visible = rows.map((row) => Math.max(0, Math.min(this.#tileSize, row - firstKey)));
      this.#addTile({
        source: { kind: "chunk", firstKey },
        rows,
        visible,
        distances: rows.map((row) => row - firstKey),
      });
    }
  }

  #addTile(added: OpenTile): void {
    const tile = this.#inPlace.count + this.#gathered.length;
    this.#gathered.push(added);
    for (const [slot, row] of added.rows.entries()) this.#partials[row]?.push({ tile, slot });
  }

  #decodeOf(span: RowSpan): Decode {
    const blocksPerTile = this.#tileSize / this.#blockSize;
    const past = Array.from(this.#past(span), (tile) => ({ ...tile, poolTile: findTile(tile.blocks, blocksPerTile) }));
    return { row: span.firstRow, position: span.position, past };
  }

  *#past({ position, blockTable }: RowSpan): Generator<PastTile> {
    for (let start = 0; start < position; start += this.#tileSize) {
      const visible = Math.min(this.#tileSize, position - start);
      const first = start / this.#blockSize;
      const blocks = blockTable.slice(first, first + Math.ceil(visible / this.#blockSize));
      yield { blocks, start, visible };
    }
  }
}

/** Cuts a span's rows into groups of at most `maxTileRows`, as even as can be. */
function* rowGroups({ firstRow, numRows }: RowSpan): Generator<number[]> {
  const groupRows = Math.ceil(numRows / Math.ceil(numRows / maxTileRows));
  for (let start = 0; start < numRows; start += groupRows) {
    yield Array.from({ length: Math.min(groupRows, numRows - start) }, (_, index) => firstRow + start + index);
  }
}
