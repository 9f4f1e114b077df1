import { expect, test } from "vitest";
import { ReplayCache } from "./replay-cache.ts";

test("an id is new once, until it is forgotten", () => {
  const cache = new ReplayCache(1_000, 10);
  expect(cache.show("a", 0)).toBe("new");
  expect(cache.show("a", 999)).toBe("seen");
  expect(cache.show("a", 1_000)).toBe("new");
});

test("never forgets an id early to make room", () => {
  const cache = new ReplayCache(1_000, 2);
  expect([cache.show("a", 0), cache.show("b", 500), cache.show("c", 600)]).toEqual(["new", "new", "full"]);
  expect(cache.show("a", 600)).toBe("seen");
  expect(cache.show("c", 1_000)).toBe("new");
});
