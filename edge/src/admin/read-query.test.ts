import { expect, test } from "vitest";
import { readQuery } from "./read-query.ts";

test.each([
  ["", {}],
  ["limit=5&after=x", { limit: "5", after: "x" }],
  ["a=1&a=2", { a: "2" }],
  ["ids[]=a&ids[]=b", { ids: ["a", "b"] }],
  ["ids%5B%5D=a", { ids: ["a"] }],
  ["at[gte]=1&at[lt]=2", { at: { gte: "1", lt: "2" } }],
  ["a[b][c]=1", { "a[b][c]": "1" }],
])("%s", (query, expected) => {
  expect(readQuery(`http://a.test/?${query}`)).toEqual(expected);
});

test("no name reaches a prototype", () => {
  readQuery("http://a.test/?__proto__[polluted]=1&constructor[prototype]=2");
  expect(Object.prototype).not.toHaveProperty("polluted");
});
