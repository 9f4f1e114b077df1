// A run's rows and tiles as the tensors that graph/step-inputs.ts declares.
import { Tensor } from "onnxruntime-node";
import { partialsMultiple } from "#engine/graph/attention.ts";
import type { DecoderConfig } from "#engine/graph/config.ts";
import {
  distinctWindows,
  gatheredMaskName,
  inPlaceMaskName,
  keysInputName,
  queriesInPlace,
  valuesInputName,
} from "#engine/graph/step-inputs.ts";
import type { BlockRange } from "./in-place-range.ts";
import type { KvPool } from "./kv-pool.ts";
import { ReusedArrays } from "./reused-arrays.ts";
import { padRows } from "./row-layout.ts";
import type { RowLayout } from "./row-layout.ts";
import { writeGatheredMask, writeInPlaceMask } from "./tile-masks.ts";
import type { GatheredTile, TilePlan } from "./tile-plan.ts";

/** Input name -> tensor. */
export type Feeds = Record<string, Tensor>;

/** Writes feeds into arrays it keeps: a run's feeds are valid until the next ones are made. */
export class RunFeedWriter {
  readonly #config: DecoderConfig;
  readonly #blockSize: number;
  readonly #groupSize: number;
  readonly #queriesInPlace: number;
  readonly #pool: KvPool;
  readonly #poolTensor: Tensor;
  readonly #logitRowsMultiple: number;
  readonly #arrays = new ReusedArrays();
  #inPlacePool: { readonly range: BlockRange; readonly feeds: Feeds } | undefined;

  /** @param logitRowsMultiple see `RowMultiples`. */
  constructor(config: DecoderConfig, blockSize: number, logitRowsMultiple: number, pool: KvPool) {
    this.#logitRowsMultiple = logitRowsMultiple;
    this.#config = config;
    this.#blockSize = blockSize;
    this.#groupSize = config.numHeads / config.numKvHeads;
    this.#queriesInPlace = queriesInPlace(config);
    this.#pool = pool;
    this.#poolTensor = new Tensor("float32", pool.data, this.#blockDims(pool.numBlocksOfAllLayers));
  }

  write(layout: RowLayout, plan: TilePlan): Feeds {
    const tileRows = this.#tileRows(plan);
    return {
      ...this.#rowFeeds(layout),
      ...this.#inPlaceFeeds(plan),
      ...this.#gatheredFeeds(plan, tileRows),
      ...this.#partials(plan, layout.numRows, tileRows),
    };
  }

  #rowFeeds({ tokenIds, positions, numRows, logitRows, candidateRows, hiddenRows }: RowLayout): Feeds {
    const ids = this.#arrays.int32("tokenIds", numRows).fill(0);
    ids.set(tokenIds);
    // Low words of 64-bit numbers: the graph's positions are int64, and none needs the high word.
    const words = this.#arrays.int32("positions", 2 * numRows).fill(0);
    for (const [row, position] of positions.entries()) words[2 * row] = position;
    // Where nobody wants logits, as in the middle of a prompt, the widest product of all is left out.
    const numLogitRows = padRows(logitRows.length + candidateRows.length, this.#logitRowsMultiple);
    const wanted = this.#arrays.int32("logitRows", numLogitRows).fill(0);
    wanted.set(logitRows);
    wanted.set(candidateRows, logitRows.length);
    const shipped = this.#arrays.int32("shippedLogits", logitRows.length);
    for (const index of shipped.keys()) shipped[index] = index;
    const hidden = this.#arrays.int32("hiddenRows", hiddenRows.length);
    hidden.set(hiddenRows);
    return {
      tokenIds: new Tensor("int32", ids, [1, numRows]),
      positions: new Tensor("int64", new BigInt64Array(words.buffer, words.byteOffset, numRows), [1, numRows]),
      logitRows: new Tensor("int32", wanted, [numLogitRows]),
      shippedLogits: new Tensor("int32", shipped, [logitRows.length]),
      hasCandidates: new Tensor("bool", [candidateRows.length > 0], []),
      hiddenRows: new Tensor("int32", hidden, [hiddenRows.length]),
    };
  }

  #inPlaceFeeds({ inPlace, visitors }: TilePlan): Feeds {
    const rows = this.#arrays.int32("inPlaceRows", inPlace.count);
    for (const [tile, { row }] of visitors.entries()) rows[tile] = row;
    const feeds: Feeds = { inPlaceRows: new Tensor("int32", rows, [inPlace.count]) };
    for (const window of distinctWindows(this.#config)) {
      const name = inPlaceMaskName(window);
      const mask = this.#arrays.float32(name, inPlace.count * this.#blockSize);
      writeInPlaceMask(mask, visitors, this.#blockSize, window);
      feeds[name] = new Tensor("float32", mask, [inPlace.count, 1, 1, this.#blockSize]);
    }
    return Object.assign(feeds, this.#poolFeeds(inPlace));
  }

  /** Views of the pool, kept while decodes stay in the same stretch of it. */
  #poolFeeds(range: BlockRange): Feeds {
    const kept = this.#inPlacePool;
    if (kept?.range.first === range.first && kept.range.count === range.count) return kept.feeds;
    const feeds: Feeds = {};
    const dims = this.#blockDims(range.count);
    for (let layer = 0; layer < this.#config.numLayers; layer++) {
      const { keys, values } = this.#pool.blockIndexes(layer, range.first);
      feeds[keysInputName(layer)] = new Tensor("float32", this.#pool.view(keys, range.count), dims);
      feeds[valuesInputName(layer)] = new Tensor("float32", this.#pool.view(values, range.count), dims);
    }
    this.#inPlacePool = { range, feeds };
    return feeds;
  }

  #gatheredFeeds({ gathered }: TilePlan, tileRows: number): Feeds {
    const { numKvHeads } = this.#config;
    const queries = this.#arrays.int32("gatheredQueries", gathered.length * numKvHeads * this.#groupSize * tileRows);
    const poolBlocks: number[] = [];
    const chunkTiles: GatheredTile[] = [];
    for (const [index, tile] of gathered.entries()) {
      if (tile.source.kind === "pool") poolBlocks.push(tile.source.block);
      else chunkTiles.push(tile);
      this.#writeQueries(queries, index, tile, tileRows);
    }
    return {
      ...this.#gatheredMasks(gathered, tileRows),
      hasGathered: new Tensor("bool", [gathered.length > 0], []),
      pool: this.#poolTensor,
      gatheredBlocks: this.#gatheredBlocks(poolBlocks),
      chunkKeys: this.#chunkKeys(chunkTiles),
      ...this.#joinedFeeds(gathered),
      gatheredQueries: new Tensor("int32", queries, [gathered.length, numKvHeads, this.#groupSize * tileRows]),
    };
  }

  #gatheredMasks(tiles: readonly GatheredTile[], tileRows: number): Feeds {
    const feeds: Feeds = {};
    for (const window of distinctWindows(this.#config)) {
      const name = gatheredMaskName(window);
      const mask = this.#arrays.float32(name, tiles.length * tileRows * this.#blockSize);
      writeGatheredMask(mask, tiles, { tileRows, blockSize: this.#blockSize }, window);
      feeds[name] = new Tensor("float32", mask, [tiles.length, 1, tileRows, this.#blockSize]);
    }
    return feeds;
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

  #gatheredBlocks(blocks: readonly number[]): Tensor {
    const { numLayers } = this.#config;
    const indexes = this.#arrays.int32("gatheredBlocks", 2 * numLayers * blocks.length);
    for (let layer = 0; layer < numLayers; layer++) {
      for (const [tile, block] of blocks.entries()) {
        const { keys, values } = this.#pool.blockIndexes(layer, block);
        indexes[2 * layer * blocks.length + tile] = keys;
        indexes[(2 * layer + 1) * blocks.length + tile] = values;
      }
    }
    return new Tensor("int32", indexes, [2 * numLayers, blocks.length]);
  }

  /** Keys that no row sees repeat the tile's first one: a row of the same sequence, so that no other can spoil it. */
  #chunkKeys(tiles: readonly GatheredTile[]): Tensor {
    const { numKvHeads } = this.#config;
    const keys = this.#arrays.int32("chunkKeys", tiles.length * numKvHeads * this.#blockSize);
    let next = 0;
    for (const { source, visible } of tiles) {
      const firstKey = source.kind === "chunk" ? source.firstKey : 0;
      const numKeys = Math.max(...visible);
      for (let kvHead = 0; kvHead < numKvHeads; kvHead++) {
        for (let key = 0; key < this.#blockSize; key++) {
          keys[next++] = (firstKey + (key < numKeys ? key : 0)) * numKvHeads + kvHead;
        }
      }
    }
    return new Tensor("int32", keys, [tiles.length, numKvHeads, this.#blockSize]);
  }

  #joinedFeeds(tiles: readonly GatheredTile[]): Feeds {
    const { numKvHeads } = this.#config;
    const joins = tiles.flatMap(({ source }, tile) =>
      source.kind === "pool" && source.joined !== undefined ? [{ tile, ...source.joined }] : [],
    );
    const length = joins.reduce((sum, { count }) => sum + count, 0) * numKvHeads;
    const keys = this.#arrays.int32("joinedKeys", length);
    // Low words of 64-bit numbers, as with positions.
    const places = this.#arrays.int32("joinedPlaces", 6 * length).fill(0);
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
    const dims = [length / numKvHeads, numKvHeads];
    return {
      joinedKeys: new Tensor("int32", keys, dims),
      joinedPlaces: new Tensor("int64", new BigInt64Array(places.buffer, places.byteOffset, 3 * length), [...dims, 3]),
    };
  }

  /** Place of a (row, head)'s own partial result in the table, and of its query among the queries. */
  #ownPartial(row: number, head: number): number {
    const kvHead = Math.floor(head / this.#groupSize);
    return (row * this.#config.numKvHeads + kvHead) * this.#queriesInPlace + (head % this.#groupSize);
  }

  /** Names each (row, head)'s partial results in the table that graph/attention.ts lays out: own, in place, empty, gathered. */
  #partials({ inPlace, partials }: TilePlan, numRows: number, tileRows: number): Feeds {
    const { numHeads, numKvHeads } = this.#config;
    const perTile = numKvHeads * this.#queriesInPlace;
    const firstInPlace = numRows * perTile;
    const empty = firstInPlace + inPlace.count * perTile;
    const firstGathered = empty + perTile;
    const mostPartials = partials.reduce((most, own) => Math.max(most, own.length), 0);
    const width = Math.ceil((1 + mostPartials) / partialsMultiple) * partialsMultiple;
    const table = this.#arrays.int32("partials", numRows * numHeads * width).fill(empty);

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
    return {
      partials: new Tensor("int32", table, [numRows, numHeads, width]),
      partialsOfRow: new Tensor("int32", table, [numRows, numHeads, 1, width]),
    };
  }

  #tileRows({ gathered }: TilePlan): number {
    const most = gathered.reduce((rows, tile) => Math.max(rows, tile.rows.length), 1);
    // Whole tiles of the width in place, so that all partial results form one table.
    const multiple = this.#queriesInPlace / this.#groupSize;
    return Math.ceil(most / multiple) * multiple;
  }

  #blockDims(numBlocks: number): readonly number[] {
    return [numBlocks, this.#config.numKvHeads, this.#blockSize, this.#config.headDim];
  }
}
