// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
// 1, 2, 3" (SC 2011), with the constants of its reference implementation, Random123. A counter-based generator has no
// state to keep or lose: the n-th draw of a sequence is a function of its seed and n, whatever was preempted between.

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const NUM_ROUNDS = 10;
const TWO_32 = 2 ** 32;

/** Four uint32. */
export type PhiloxBlock = readonly [number, number, number, number];

/** Counter and key words are uint32. */
export function philox4x32(counter: PhiloxBlock, key: readonly [number, number]): PhiloxBlock {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < NUM_ROUNDS; round += 1) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/**
 * The draw number `index` of a seed's stream number `stream`: uniform in [0, 1), 53 bits. Seed and index are safe integers, the
 * stream a uint32: as a word of the counter of its own it never meets another stream of the seed, or of another seed.
 */
export function uniformAt(seed: number, index: number, stream = 0): number {
  const [high, low] = philox4x32([lowWord(index), highWord(index), stream, 0], [lowWord(seed), highWord(seed)]);
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

/** Upper 32 bits of the 64-bit product, from 16-bit halves: no partial sum exceeds 2^53. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const middle2 = aLow * bHigh + (middle % 0x1_0000);
  return (aHigh * bHigh + Math.floor(middle / 0x1_0000) + Math.floor(middle2 / 0x1_0000)) >>> 0;
}

function lowWord(value: number): number {
  return value >>> 0;
}

/** Two's complement: a negative seed has its own stream. */
function highWord(value: number): number {
  return Math.floor(value / TWO_32) >>> 0;
}
