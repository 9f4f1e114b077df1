import { Hono } from "hono";
import { expect, test } from "vitest";
import type { EdgeContext } from "#edge/context.ts";
import { keepFilesInPlace } from "./keep-files-in-place.ts";
import { renderErrors } from "./render-errors.ts";

async function statusOf(place: string | undefined, jurisdictions: readonly string[] | undefined): Promise<number> {
  const principal = { orgId: "org", projectId: "project", keyId: "key" };
  const routing = { jurisdictions, models: {}, isExplained: false };
  const terms = { principal, routing, expiresAtMs: undefined, reservedTokens: undefined, isLeased: false, report: {} };
  const app = new Hono<EdgeContext>()
    .onError(renderErrors)
    .use(async (c, next) => {
      c.set("admitted", { kind: "admitted", ...terms });
      await next();
    })
    .get("/", keepFilesInPlace(place), (c) => c.text("in"));
  return (await app.request("/")).status;
}

test.each([
  { place: undefined, bound: undefined, status: 200 },
  { place: undefined, bound: ["eu"], status: 403 },
  { place: undefined, bound: [], status: 403 },
  { place: "eu", bound: undefined, status: 200 },
  { place: "eu", bound: ["us", "eu"], status: 200 },
  { place: "eu", bound: ["us"], status: 403 },
])("files in $place for who is bound to $bound: $status", async ({ place, bound, status }) => {
  expect(await statusOf(place, bound)).toBe(status);
});
