import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { expect, test } from "vitest";
import type { EdgeContext } from "#edge/context.ts";
import { renderErrors } from "./render-errors.ts";
import { shieldFromFloods } from "./shield-from-floods.ts";

const errors: string[] = [];
const log = { info: () => undefined, error: (event: string) => void errors.push(event) };

function appWith(shield: RateLimit) {
  const app = new Hono<EdgeContext>()
    .onError(renderErrors)
    .use(shieldFromFloods(shield, log))
    .get("/", (c) => c.text("in"));
  return async (ip?: string) => app.request("/", { headers: ip === undefined ? {} : { "cf-connecting-ip": ip } });
}

/** The platform's binding, with a limit that a test can reach. */
function shieldOf(limit: number): RateLimit {
  const counts = new Map<string, number>();
  return {
    limit: async ({ key }) => {
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return { success: count <= limit };
    },
  };
}

test("an address that floods is turned away with a time to come back, and no other with it", async () => {
  const ask = appWith(shieldOf(2));
  const statuses: number[] = [];
  for (let n = 0; n < 3; n += 1) statuses.push((await ask("203.0.113.66")).status);
  expect(statuses).toEqual([200, 200, 429]);
  const refusal = await ask("203.0.113.66");
  expect(refusal.headers.get("retry-after")).toBe("10");
  expect(await refusal.json()).toMatchObject({ error: { code: "rate_limit_exceeded" } });
  expect((await ask("203.0.113.67")).status).toBe(200);
});

test("callers of whom no address is known are not counted together", async () => {
  const ask = appWith(shieldOf(1));
  expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
});

test("an IPv6 network is one caller, however many addresses it has, and no other network is", async () => {
  const ask = appWith(shieldOf(2));
  const addresses = ["2001:db8:1:2::1", "2001:DB8:1:2:ffff::9", "2001:db8:1:2::3", "2001:db8:1:3::1", "2001:db8:1::2"];
  const statuses: number[] = [];
  for (const ip of addresses) statuses.push((await ask(ip)).status);
  expect(statuses).toEqual([200, 200, 429, 200, 200]);
});

test("IPv4 addresses are callers of their own, also mapped into IPv6", async () => {
  const ask = appWith(shieldOf(1));
  const statuses: number[] = [];
  for (const ip of ["203.0.113.1", "203.0.113.2", "::ffff:203.0.113.3", "::ffff:203.0.113.4"]) {
    statuses.push((await ask(ip)).status);
  }
  expect(statuses).toEqual([200, 200, 200, 200]);
});

test("a shield that fails turns nobody away, and says so", async () => {
  const ask = appWith({ limit: async () => Promise.reject(new Error("no counters")) });
  expect((await ask("203.0.113.66")).status).toBe(200);
  expect(errors).toEqual(["flood shield failed"]);
});

test("the deployment has such a binding", async () => {
  expect((await appWith(env.FLOOD_SHIELD)("203.0.113.68")).status).toBe(200);
});
