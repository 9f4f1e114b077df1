import { hash } from "node:crypto";
import { HashChain, shorten } from "@sluice/shared/hash-chain.ts";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { sha256 } from "#platform/sha256.ts";

test("prefixes have one name exactly when salt and every token up to the block's end are the same", () => {
  const sequence = fc.record({
    cacheSalt: fc.constantFrom("", "a", "b"),
    tokenIds: fc.array(fc.constantFrom(0, 1, 256, 0xff_ff_ff_ff), { minLength: 4, maxLength: 8 }),
  });
  fc.assert(
    fc.property(sequence, sequence, fc.constantFrom(1, 2, 4), (one, other, blockSize) => {
      const [a, b] = [one, other].map(({ cacheSalt }) => new HashChain({ cacheSalt }, blockSize, sha256));
      for (let block = 0; (block + 1) * blockSize <= 4; block += 1) {
        const end = (block + 1) * blockSize;
        const same = a?.hashOf(block, one.tokenIds) === b?.hashOf(block, other.tokenIds);
        const equal =
          one.cacheSalt === other.cacheSalt &&
          one.tokenIds.slice(0, end).every((tokenId, position) => tokenId === other.tokenIds[position]);
        expect(same).toBe(equal);
      }
    }),
    { numRuns: 500 },
  );
});

test("names are whole digests, the same in whatever order they are asked for", () => {
  const tokenIds = [1, 2, 3, 4, 5, 6];
  const [forwards, backwards] = [1, 2].map(() => new HashChain({ cacheSalt: "s" }, 2, sha256));
  const last = backwards?.hashOf(2, tokenIds);
  expect(last).toHaveLength(32);
  expect([0, 1, 2].map((block) => forwards?.hashOf(block, tokenIds))).toEqual(
    [0, 1, 2].map((block) => backwards?.hashOf(block, tokenIds)),
  );
});

test("a block that is not full has no name", () => {
  expect(() => new HashChain({ cacheSalt: "" }, 4, sha256).hashOf(1, [1, 2, 3, 4, 5])).toThrow("full");
});

test("names are what SHA-256 makes of salt, parent and little-endian tokens", () => {
  const root = hash("sha256", '["org"]', "buffer");
  const first = hash("sha256", Buffer.concat([root, Buffer.from([1, 0, 0, 0, 0, 1, 0, 0])]), "buffer");
  const second = hash("sha256", Buffer.concat([first, Buffer.from([3, 0, 0, 0, 255, 255, 255, 255])]), "binary");
  const chain = new HashChain({ cacheSalt: "org" }, 2, sha256);
  expect(chain.hashOf(1, [1, 256, 3, 0xff_ff_ff_ff])).toBe(second);
  expect(shorten(chain.hashOf(1, [1, 256, 3, 0xff_ff_ff_ff]))).toBe(second.slice(0, 8));
});
