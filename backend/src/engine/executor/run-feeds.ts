// A run's rows and tiles as the tensors that graph/step-inputs.ts declares.
import { Tensor } from "onnxruntime-node";
import { partialsMultiple } from "#engine/graph/attention.ts";
import type { DecoderConfig } from "#engine/graph/config.ts";
import {
  distinctWindows,
  firstRopePosition,
  gatheredMaskName,
  headsPerKvHead,
  inPlaceMaskName,
  keysInputName,
  queriesInPlace,
  valuesInputName,
} from "#engine/graph/step-inputs.ts";
import type { TileShape } from "#engine/graph/step-inputs.ts";
import { type Feeds, FeedTensors } from "./feed-tensors.ts";
import type { TileRange } from "./in-place-range.ts";
import type { KvPool } from "./kv-pool.ts";
import { padRows } from "./row-layout.ts";
import type { RowLayout } from "./row-layout.ts";
import { writeGatheredMask, writeInPlaceMask } from "./tile-masks.ts";
import type { GatheredTile, TilePlan } from "./tile-plan.ts";

/** Writes feeds into tensors it keeps: a run's feeds are valid until the next ones are written. */
export class RunFeedWriter {
  readonly #config: DecoderConfig;
  readonly #tileSize: number;
  readonly #groupSize: number;
  readonly #queriesInPlace: number;
  readonly #pool: KvPool;
  readonly #logitRowsMultiple: number;
  readonly #windows: readonly (number | undefined)[];
  readonly #tensors = new FeedTensors();
  /** The stretch of the pool that the feeds have now. */
  #inPlace: TileRange | undefined;

  /** @param logitRowsMultiple see `RowMultiples`. */
  constructor(config: DecoderConfig, { blockSize, tileSize }: TileShape, logitRowsMultiple: number, pool: KvPool) {
    this.#logitRowsMultiple = logitRowsMultiple;
    this.#config = config;
    this.#tileSize = tileSize;
    this.#groupSize = config.numHeads / config.numKvHeads;
    this.#queriesInPlace = queriesInPlace(config);
    this.#pool = pool;
    this.#windows = distinctWindows(config);
    this.#tensors.set("pool", new Tensor("float32", pool.data, [pool.numRows, blockSize, config.headDim]));
  }

  write(layout: RowLayout, plan: TilePlan): Feeds {
    const tileRows = this.#tileRows(plan);
    this.#writeRows(layout);
    this.#writeInPlace(plan);
    this.#writeGathered(plan, tileRows);
    this.#writePartials(plan, layout.numRows, tileRows);
    return this.#tensors.feeds;
  }

  #writeRows({ tokenIds, positions, numRows, logitRows, candidateRows, hiddenRows }: RowLayout): void {
    this.#tensors.int32("tokenIds", [1, numRows]).fill(0).set(tokenIds);
    // The graph's positions are int64, and none needs the high word.
    const width = headsPerKvHead(this.#config);
    const words = this.#tensors.int64Words("positions", [numRows, width]).fill(0);
    for (const [row, position] of positions.entries()) {
      // All but the value, which comes last.
      for (let head = 0; head < width - 1; head++) words[2 * (row * width + head)] = firstRopePosition + position;
    }
    // Where nobody wants logits, as in the middle of a prompt, the widest product of all is left out.
    const numLogitRows = padRows(logitRows.length + candidateRows.length, this.#logitRowsMultiple);
    const wanted = this.#tensors.int32("logitRows", [numLogitRows]).fill(0);
    wanted.set(logitRows);
    wanted.set(candidateRows, logitRows.length);
    const shipped = this.#tensors.int32("shippedLogits", [logitRows.length]);
    for (const index of shipped.keys()) shipped[index] = index;
    this.#tensors.bool("hasCandidates", candidateRows.length > 0);
    this.#tensors.int32("hiddenRows", [hiddenRows.length]).set(hiddenRows);
  }

  #writeInPlace({ inPlace, visitors }: TilePlan): void {
    const rows = this.#tensors.int32("inPlaceRows", [inPlace.count]);
    for (const [tile, { row }] of visitors.entries()) rows[tile] = row;
    for (const window of this.#windows) {
      const mask = this.#tensors.float32(inPlaceMaskName(window), [inPlace.count, 1, 1, this.#tileSize]);
      writeInPlaceMask(mask, visitors, this.#tileSize, window);
    }
    this.#showPool(inPlace);
  }

  /** Views of the pool, kept while decodes stay in the same stretch of it. */
  #showPool(range: TileRange): void {
    if (this.#inPlace?.first === range.first && this.#inPlace.count === range.count) return;
    const { numLayers, numKvHeads, headDim } = this.#config;
    const dims = [range.count, numKvHeads, this.#tileSize, headDim];
    const show = (name: string, part: number) =>
      this.#tensors.set(name, new Tensor("float32", this.#pool.view(part, range.first, range.count), dims));
    for (let layer = 0; layer < numLayers; layer++) {
      show(keysInputName(layer), 2 * layer);
      show(valuesInputName(layer), 2 * layer + 1);
    }
    this.#inPlace = range;
  }

  #writeGathered({ gathered }: TilePlan, tileRows: number): void {
    const dims = [gathered.length, this.#config.numKvHeads, this.#groupSize * tileRows];
    const queries = this.#tensors.int32("gatheredQueries", dims);
    const poolTiles: (readonly number[])[] = [];
    const chunkTiles: GatheredTile[] = [];
    for (const [index, tile] of gathered.entries()) {
      if (tile.source.kind === "pool") poolTiles.push(tile.source.blocks);
      else chunkTiles.push(tile);
      this.#writeQueries(queries, index, tile, tileRows);
    }
    this.#tensors.bool("hasGathered", gathered.length > 0);
    this.#writeGatheredMasks(gathered, tileRows);
    this.#writeGatheredBlocks(poolTiles);
    this.#writeChunkKeys(chunkTiles);
    this.#writeJoined(gathered);
  }

  #writeGatheredMasks(tiles: readonly GatheredTile[], tileRows: number): void {
    for (const window of this.#windows) {
      const dims = [tiles.length, 1, tileRows, this.#tileSize];
      const mask = this.#tensors.float32(gatheredMaskName(window), dims);
      writeGatheredMask(mask, tiles, { tileRows, tileSize: this.#tileSize }, window);
    }
  }

  /** Rows of the query matrix in the order (K/V head, head of its group, row of the tile). */
  #writeQueries(queries: Int32Array, tileIndex: number, { rows }: GatheredTile, tileRows: number): void {
    const { numHeads } = this.#config;
    const padding = rows[0] ?? 0;
    let next = tileIndex * numHeads * tileRows;
    for (let head = 0; head < numHeads; head++) {
      for (let slot = 0; slot < tileRows; slot++) queries[next++] = this.#ownPartial(rows[slot] ?? padding, head);
    }
  }

  /** Blocks that no row sees repeat the tile's first one, as unseen keys do. */
  #writeGatheredBlocks(tiles: readonly (readonly number[])[]): void {
    const { numLayers, numKvHeads } = this.#config;
    const { blocksPerTile } = this.#pool;
    const rows = this.#tensors.int32("gatheredBlocks", [2 * numLayers, tiles.length, numKvHeads, blocksPerTile]);
    let next = 0;
    for (let part = 0; part < 2 * numLayers; part++) {
      for (const blocks of tiles) {
        for (let kvHead = 0; kvHead < numKvHeads; kvHead++) {
          for (let index = 0; index < blocksPerTile; index++) {
            rows[next++] = this.#pool.rowOf(part, blocks[index] ?? blocks[0] ?? 0, kvHead);
          }
        }
      }
    }
  }

  /** Keys that no row sees repeat the tile's first one: a row of the same sequence, so that no other can spoil it. */
  #writeChunkKeys(tiles: readonly GatheredTile[]): void {
    const { numKvHeads } = this.#config;
    const keys = this.#tensors.int32("chunkKeys", [tiles.length, numKvHeads, this.#tileSize]);
    let next = 0;
    for (const { source, visible } of tiles) {
      const firstKey = source.kind === "chunk" ? source.firstKey : 0;
      const numKeys = Math.max(...visible);
      for (let kvHead = 0; kvHead < numKvHeads; kvHead++) {
        for (let key = 0; key < this.#tileSize; key++) {
          keys[next++] = (firstKey + (key < numKeys ? key : 0)) * numKvHeads + kvHead;
        }
      }
    }
  }

  #writeJoined(tiles: readonly GatheredTile[]): void {
    const { numKvHeads } = this.#config;
    const joins = tiles.flatMap(({ source }, tile) =>
      source.kind === "pool" && source.joined !== undefined ? [{ tile, ...source.joined }] : [],
    );
    const numKeys = joins.reduce((sum, { count }) => sum + count, 0);
    const keys = this.#tensors.int32("joinedKeys", [numKeys, numKvHeads]);
    const places = this.#tensors.int64Words("joinedPlaces", [numKeys, numKvHeads, 3]).fill(0);
    let next = 0;
    for (const { tile, place, firstKey, count } of joins) {
      for (let key = 0; key < count; key++) {
        for (let kvHead = 0; kvHead < numKvHeads; kvHead++) {
          keys[next] = (firstKey + key) * numKvHeads + kvHead;
          places.set([tile, 0, kvHead, 0, place + key], 6 * next);
          next++;
        }
      }
    }
  }

  /** Place of a (row, head)'s own partial result in the table, and of its query among the queries. */
  #ownPartial(row: number, head: number): number {
    const kvHead = Math.floor(head / this.#groupSize);
    return (row * this.#config.numKvHeads + kvHead) * this.#queriesInPlace + (head % this.#groupSize);
  }

  /** Names each (row, head)'s partial results in the table that graph/attention.ts lays out: own, in place, empty, gathered. */
  #writePartials({ inPlace, partials }: TilePlan, numRows: number, tileRows: number): void {
    const { numHeads, numKvHeads } = this.#config;
    const perTile = numKvHeads * this.#queriesInPlace;
    const firstInPlace = numRows * perTile;
    const empty = firstInPlace + inPlace.count * perTile;
    const firstGathered = empty + perTile;
    const mostPartials = partials.reduce((most, own) => Math.max(most, own.length), 0);
    const width = Math.ceil((1 + mostPartials) / partialsMultiple) * partialsMultiple;
    const table = this.#tensors.int32("partials", [numRows, numHeads, width]).fill(empty);
    this.#tensors.reshaped("partialsOfRow", "partials", [numRows, numHeads, 1, width]);

    for (const [row, refs] of partials.entries()) {
      for (let head = 0; head < numHeads; head++) {
        const placeInTile = this.#ownPartial(0, head);
        let next = (row * numHeads + head) * width;
        table[next++] = row * perTile + placeInTile;
        for (const { tile, slot } of refs) {
          table[next++] =
            tile < inPlace.count
              ? firstInPlace + tile * perTile + placeInTile
              : firstGathered + ((tile - inPlace.count) * numHeads + head) * tileRows + slot;
        }
      }
    }
  }

  #tileRows({ gathered }: TilePlan): number {
    const most = gathered.reduce((rows, tile) => Math.max(rows, tile.rows.length), 1);
    // Whole tiles of the width in place, so that all partial results form one table.
    const multiple = this.#queriesInPlace / this.#groupSize;
    return Math.ceil(most / multiple) * multiple;
  }
}
