// What no administrator should send, to a stack of its own, whose limits and networks become what they may.
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningStack, startStack, type StackFile } from "../end-to-end/start-stack.ts";
import { type Json, mutated } from "./mutations.ts";

const numRounds = 60;
const atOnce = 12;

let running: RunningStack;
let stack: StackFile;

beforeAll(async () => {
  running = await startStack();
  stack = await running.stackFile();
});
afterAll(() => running.dispose());

const terms = {
  rpm: 60,
  tpm: 1_000,
  rpd: 1_000,
  concurrency: 4,
  tokens_per_month: 1_000_000,
  model_limits: { pocket: { rpm: 30 } },
  service_tiers: ["default"],
  scopes: ["inference"],
  models: ["p*"],
  denied_models: ["q"],
  allowlist: ["203.0.113.0/24"],
  denylist: ["2001:db8::/32"],
  origins: ["https://a.example"],
  jurisdictions: ["eu"],
  explain_routing: true,
};
const jwk = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
const issuer = {
  issuer: "https://i.example",
  audiences: ["a"],
  jwks: { keys: [jwk] },
  project_id: "proj_default",
  tenant_claim: ["org", "id"],
  project_claim: { claim: "p", projects: { a: "proj_default" } },
  scope_claim: "scope",
  scopes: ["inference"],
  terms,
  plans: { claim: "plan", terms: { gold: terms } },
};
const usage = { orgId: "o", projectId: "p", keyId: "k", model: "m", startedAtMs: 1, receipts: ["x.y"], missing: [] };
const rates = { max_requests_per_1_minute: 5, max_tokens_per_1_minute: 5, max_requests_per_1_day: 5 };

/** Of each path a body that is good. */
const bodies: Readonly<Record<string, Json>> = {
  "/projects": { name: "x" },
  "/projects/proj_default": { name: "Default" },
  "/projects/proj_default/api_keys": { name: "x", admission: "strict", expires_in_seconds: 60, ...terms },
  "/projects/proj_default/service_accounts": { name: "x" },
  "/projects/proj_default/limits": { rpm: 5, tpm: 5, rpd: 5, concurrency: 5, tokens_per_month: 5 },
  "/projects/proj_default/networks": { allowlist: ["10.0.0.0/8"], denylist: ["::/0"] },
  "/projects/proj_default/rate_limits/rl-pocket": rates,
  "/admin_api_keys": { name: "x", expires_in_seconds: 60, allowlist: ["10.0.0.0/8"], denylist: [] },
  "/issuers": issuer,
  "/limits": { rpm: 5, tpm: 5 },
  "/networks": { allowlist: ["10.0.0.0/8"] },
  "/usage_entries": { entries: [{ requestId: "r", ...usage }] },
};

const posts = fc.constantFrom(...Object.entries(bodies)).chain(([path, body]) => {
  return mutated([body]).map((text) => ({ method: "POST", path, body: text }));
});

const lists = ["/audit_logs", "/usage/completions", "/projects", "/projects/proj_default/api_keys", "/admin_api_keys"];
const names = [
  "limit",
  "after",
  "before",
  "order",
  "start_time",
  "bucket_width",
  "group_by[]",
  "effective_at[gt]",
  "x[",
  "__proto__[a]",
];
const field = fc.tuple(
  fc.constantFrom(...names),
  fc.oneof(fc.constantFrom("-1", "1e999", "\u0000", "9".repeat(20)), fc.string()),
);
const gets = fc.tuple(fc.constantFrom(...lists), fc.array(field, { maxLength: 3 })).map(([path, fields]) => {
  return { method: "GET", path: `${path}?${new URLSearchParams(fields).toString()}`, body: null };
});

/** What of an answer is the administration's fault. */
async function faultOf({ method, path, body }: { method: string; path: string; body: string | null }) {
  const headers = { authorization: `Bearer ${stack.adminKey}`, "content-type": "application/json" };
  const { status } = await fetch(stack.adminUrl + path, { method, headers, body });
  return status === 200 || (status >= 400 && status < 500) ? undefined : `${status} ${path}`;
}

it("nothing that an administrator sends makes the administration fail", async () => {
  const some = fc.array(fc.oneof({ weight: 3, arbitrary: posts }, gets), { minLength: atOnce, maxLength: atOnce });
  const property = fc.asyncProperty(some, async (requests) => {
    const faults = await Promise.all(requests.map(faultOf));
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  });
  await fc.assert(property, { numRuns: numRounds });
}, 300_000);
