import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { getLong, putLong } from "./long-value.ts";

test("a value comes back as it was, however long it and the one before it were, and leaves nothing of that", async () => {
  await runInDurableObject(env.KEY_GATE.getByName("long-values"), (_, { storage: { kv } }) => {
    expect(getLong(kv, "long")).toBeUndefined();
    kv.put("longer", "another's");
    const piece = 512 * 1024;
    // JSON puts quotes around a text.
    for (const length of [10, piece - 3, piece - 2, piece - 1, 3 * piece + 7, 2 * piece - 2, 0, piece + 5]) {
      const value = { text: "ü€😀x".repeat(length).slice(0, length) };
      putLong(kv, "long", value);
      expect(getLong(kv, "long")).toEqual(value);
      const numPieces = Math.ceil(JSON.stringify(value).length / piece);
      expect([...kv.list({ prefix: "long/" })]).toHaveLength(numPieces - 1);
    }
    expect(kv.get("longer")).toBe("another's");
  });
});

test("a value that was put whole is found", async () => {
  await runInDurableObject(env.KEY_GATE.getByName("whole-values"), (_, { storage: { kv } }) => {
    kv.put("whole", { count: 1 });
    expect(getLong(kv, "whole")).toEqual({ count: 1 });
    putLong(kv, "whole", { count: 2 });
    expect(getLong(kv, "whole")).toEqual({ count: 2 });
  });
});
