import { expect, test } from "vitest";
import type { KeyTerms } from "./key-record.ts";
import { applyChange } from "./terms-change.ts";

const terms: KeyTerms = {
  limits: { requestsPerMinute: 5, tokensPerMinute: 100 },
  models: ["a"],
  scopes: ["inference"],
};

test("what is given replaces, what is null is lifted, and what is absent stays", () => {
  const change = { limits: { requestsPerMinute: null, requestsPerDay: 9 }, models: null, deniedModels: ["b"] };
  expect(applyChange(terms, change)).toEqual({
    limits: { tokensPerMinute: 100, requestsPerDay: 9 },
    deniedModels: ["b"],
    scopes: ["inference"],
  });
});

test("without its last limit a key has none", () => {
  const change = { limits: { requestsPerMinute: null, tokensPerMinute: null } };
  expect(Object.keys(applyChange(terms, change))).toEqual(expect.not.arrayContaining(["limits"]));
});

test("a change of nothing changes nothing", () => {
  expect(applyChange(terms, {})).toEqual(terms);
});
