import { expect, test } from "vitest";
import { testIssuer } from "./test-issuer.ts";
import { tenantOf } from "./tenant.ts";

test("requests with one value of the tenant claim share a gate, whose name does not tell it", async () => {
  const issuer = testIssuer({ tenantClaim: ["org", "id"] });
  const gateOf = async (id: unknown, sub: string) => (await tenantOf(issuer, { org: { id }, sub }))?.record.keyId;
  expect(await gateOf("acme", "ann")).toBe(await gateOf("acme", "bob"));
  expect(await gateOf("acme", "ann")).not.toBe(await gateOf("other", "ann"));
  expect(await gateOf(7, "ann")).toBe(await gateOf("7", "ann"));
  expect(await gateOf("acme", "ann")).not.toContain("acme");
});

test("the same tenant of another issuer, or in another project, has another gate", async () => {
  const project = { claim: ["team"], projectIds: { a: "proj_a", b: "proj_b" } };
  const gates = await Promise.all([
    tenantOf(testIssuer(), { sub: "ann" }),
    tenantOf(testIssuer({ id: "iss_two" }), { sub: "ann" }),
    tenantOf(testIssuer({ project }), { sub: "ann", team: "a" }),
    tenantOf(testIssuer({ project }), { sub: "ann", team: "b" }),
  ]);
  expect(new Set(gates.map((tenant) => tenant?.record.keyId)).size).toBe(4);
  expect(gates.map((tenant) => tenant?.record.projectId)).toEqual(["proj_one", "proj_one", "proj_a", "proj_b"]);
});

test.each([
  { why: "no tenant", claims: {} },
  { why: "an empty tenant", claims: { sub: "" } },
  { why: "a tenant that is a list", claims: { sub: ["ann"] } },
  { why: "a tenant without end", claims: { sub: "a".repeat(513) } },
])("claims with $why name no tenant", async ({ claims }) => {
  expect(await tenantOf(testIssuer(), claims)).toBeUndefined();
});

test.each([
  { why: "no project", claims: { sub: "ann" } },
  { why: "an unknown project", claims: { sub: "ann", team: "c" } },
  { why: "a project by an inherited name", claims: { sub: "ann", team: "constructor" } },
])("claims with $why are refused, when the issuer maps projects", async ({ claims }) => {
  const project = { claim: ["team"], projectIds: { a: "proj_a" } };
  expect(await tenantOf(testIssuer({ project }), claims)).toBeUndefined();
});

test("terms are those of the plan, or the issuer's for all others", async () => {
  const termsByClaim = { claim: ["plan"], terms: { gold: { limits: { requestsPerMinute: 9 } } } };
  const issuer = testIssuer({ terms: { limits: { requestsPerMinute: 1 } }, termsByClaim });
  const limitOf = async (plan: unknown) =>
    (await tenantOf(issuer, { sub: "ann", plan }))?.record.limits?.requestsPerMinute;
  expect(await Promise.all([limitOf("gold"), limitOf("lead"), limitOf(undefined), limitOf("toString")])).toEqual([
    9, 1, 1, 1,
  ]);
});

test.each([
  { scope: "inference openid admin", granted: ["inference"] },
  { scope: ["usage.read", 7, "inference"], granted: ["inference", "usage.read"] },
  { scope: "", granted: [] },
  { scope: undefined, granted: [] },
])("of the scopes $scope, a token is granted $granted, never more than its issuer", async ({ scope, granted }) => {
  const issuer = testIssuer({ scopeClaim: ["scope"], scopes: ["inference", "usage.read"] });
  expect((await tenantOf(issuer, { sub: "ann", scope }))?.scopes).toEqual(granted);
});

test("without a scope claim a token may do what is ordinary", async () => {
  const issuer = testIssuer({ scopes: ["inference", "admin"] });
  expect((await tenantOf(issuer, { sub: "ann", scope: "admin" }))?.scopes).toEqual(["inference"]);
});
