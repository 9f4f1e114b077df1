import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { expect, test } from "vitest";
import type { EdgeContext } from "#edge/context.ts";
import { renderErrors } from "./render-errors.ts";
import { shieldFromFloods } from "./shield-from-floods.ts";

function appWith(shield: RateLimit) {
  const app = new Hono<EdgeContext>()
    .onError(renderErrors)
    .use(shieldFromFloods(shield))
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

test("the deployment has such a binding", async () => {
  expect((await appWith(env.FLOOD_SHIELD)("203.0.113.68")).status).toBe(200);
});
