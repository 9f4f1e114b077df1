import { expect, test } from "vitest";
import { type AccessQuestion, AccessRules } from "./access-rules.ts";
import type { KeyTerms } from "./key-record.ts";

const question: AccessQuestion = {
  scopes: ["inference"],
  ip: "10.1.2.3",
  origin: undefined,
  model: "pocket",
  serviceTier: "default",
};

test.each([
  { terms: { ipAllowlist: ["10.2.0.0/16"] }, asked: {}, refusal: "ip_not_allowed" },
  { terms: { ipAllowlist: [] }, asked: {}, refusal: "ip_not_allowed" },
  { terms: { ipAllowlist: ["0.0.0.0/0", "::/0"] }, asked: { ip: undefined }, refusal: "ip_not_allowed" },
  { terms: { ipAllowlist: ["10.1.0.0/16"], ipDenylist: ["10.1.2.3"] }, asked: {}, refusal: "ip_not_allowed" },
  { terms: { ipDenylist: ["10.0.0.0/8"] }, asked: { ip: "::ffff:10.1.2.3" }, refusal: "ip_not_allowed" },
  { terms: { ipAllowlist: [], models: [], scopes: [] }, asked: {}, refusal: "ip_not_allowed" },
  { terms: { origins: ["https://a.example"] }, asked: { origin: "https://b.example" }, refusal: "origin_not_allowed" },
  { terms: { scopes: ["usage.read"] }, asked: {}, refusal: "scope_missing" },
  { terms: {}, asked: { scopes: ["admin"] }, refusal: "scope_missing" },
  { terms: {}, asked: { scopes: ["inference", "admin"] }, refusal: "scope_missing" },
  { terms: { models: ["other"] }, asked: {}, refusal: "model_not_allowed" },
  { terms: { models: [] }, asked: {}, refusal: "model_not_allowed" },
  { terms: { models: ["*"], deniedModels: ["pock*"] }, asked: {}, refusal: "model_not_allowed" },
  { terms: {}, asked: { serviceTier: "priority" }, refusal: "tier_not_allowed" },
  { terms: { serviceTiers: ["priority"] }, asked: {}, refusal: "tier_not_allowed" },
] satisfies { terms: KeyTerms; asked: Partial<AccessQuestion>; refusal: string }[])(
  "$terms refuse $asked: $refusal",
  ({ terms, asked, refusal }) => {
    expect(new AccessRules(terms).judge({ ...question, ...asked })).toBe(refusal);
  },
);

test.each([
  { terms: {}, asked: { ip: undefined } },
  { terms: { ipAllowlist: ["10.1.0.0/16"] }, asked: { ip: "::ffff:10.1.2.3" } },
  { terms: { ipDenylist: ["10.2.0.0/16"] }, asked: {} },
  { terms: { ipDenylist: ["10.2.0.0/16"] }, asked: { ip: undefined } },
  { terms: { models: ["acme/*", "pocket"] }, asked: {} },
  { terms: { origins: ["https://a.example"] }, asked: { origin: "https://a.example" } },
  { terms: { origins: ["https://a.example"] }, asked: {} },
  { terms: {}, asked: { origin: "https://b.example" } },
  { terms: { models: ["other"] }, asked: { model: undefined } },
  { terms: {}, asked: { serviceTier: "flex" } },
  { terms: { serviceTiers: ["priority"] }, asked: { serviceTier: "priority" } },
  { terms: { scopes: ["admin"] }, asked: { scopes: ["admin"] } },
] satisfies { terms: KeyTerms; asked: Partial<AccessQuestion> }[])("$terms let $asked pass", ({ terms, asked }) => {
  expect(new AccessRules(terms).judge({ ...question, ...asked })).toBeUndefined();
});
