import * as fc from "fast-check";
import { expect, test } from "vitest";
import { systemEntropy } from "#edge/entropy.ts";
import { kindOfKeyId, mintApiKey, parseApiKey, redactApiKey } from "./api-key.ts";
import { KeyTagger } from "./key-tag.ts";

const tagger = await KeyTagger.fromSecret("one secret");

test("a minted key parses into the parts it was minted from", async () => {
  const { keyId, secret, text } = await mintApiKey(tagger, systemEntropy);
  expect(await parseApiKey(text, tagger)).toEqual({ keyId, secret });
  expect(kindOfKeyId(keyId)).toBe("project");
});

test("a key of the administration is of a kind of its own", async () => {
  const { keyId, secret, text } = await mintApiKey(tagger, systemEntropy, "admin");
  expect(text).toMatch(/^sk-sluice-admin-/);
  expect(await parseApiKey(text, tagger)).toEqual({ keyId, secret });
  expect(kindOfKeyId(keyId)).toBe("admin");
});

test("changing any one character of a key makes it no key", async () => {
  const { text } = await mintApiKey(tagger, systemEntropy);
  const change = fc.record({
    at: fc.nat(text.length - 1),
    to: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  });
  await fc.assert(
    fc.asyncProperty(change, async ({ at, to }) => {
      fc.pre(text[at] !== to);
      expect(await parseApiKey(text.slice(0, at) + to + text.slice(at + 1), tagger)).toBeUndefined();
    }),
    { numRuns: 25 },
  );
});

test("a key of another deployment is no key here", async () => {
  const { text } = await mintApiKey(await KeyTagger.fromSecret("another secret"), systemEntropy);
  expect(await parseApiKey(text, tagger)).toBeUndefined();
});

test.each(["", "sk-sluice-", "sk-sluice---", "Bearer x", `sk-sluice-${"0".repeat(10_000)}`])(
  "%j is no key",
  async (text) => {
    expect(await parseApiKey(text, tagger)).toBeUndefined();
  },
);

test("two keys share neither id nor secret", async () => {
  const [one, other] = [await mintApiKey(tagger, systemEntropy), await mintApiKey(tagger, systemEntropy)];
  expect(one.keyId).not.toBe(other.keyId);
  expect(one.secret).not.toBe(other.secret);
});

test("what is shown of a key holds nothing of its secret or tag", async () => {
  const { keyId } = await mintApiKey(tagger, systemEntropy);
  expect(redactApiKey(keyId)).toBe(`sk-sluice-${keyId}-****`);
});
