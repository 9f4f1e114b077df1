import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { createMiddleware } from "hono/factory";
import { expect, test } from "vitest";
import { InferenceBody } from "#edge/body/inference-body.ts";
import type { EdgeContext } from "#edge/context.ts";
import { ResponseStores } from "#edge/responses/response-stores.ts";
import { renderErrors } from "./render-errors.ts";
import { runApart } from "./run-apart.ts";

const owner = { orgId: "org", projectId: "project", keyId: "key" };
const responseId = `resp_${"0123456789abcdefghjkmnpqrstvwxyz".slice(0, 32)}`;

/** Of a request in the background whose store does `start`: the status, and whether the store was left to settle it. */
async function handOver(start: () => Promise<unknown>) {
  const namespace: typeof env.RESPONSE_STORE = new Proxy(env.RESPONSE_STORE, { get: () => () => ({ start }) });
  const stores = new ResponseStores(namespace, { jurisdictions: [], timeoutMs: 50 });
  let isHandedOver: boolean | undefined;
  const admitted = createMiddleware<EdgeContext>(async (c, next) => {
    const request = { model: "pocket", input: "hi", background: true } as const;
    c.set("turn", { responseId, owner, request, items: [], isStored: true, createdAtMs: 0 });
    c.set("body", new InferenceBody(new Uint8Array(), true));
    await next();
    isHandedOver = c.get("isHandedOver");
  });
  const app = new Hono<EdgeContext>().onError(renderErrors).post("/", admitted, runApart(stores));
  const { status } = await app.request("/", { method: "POST" });
  return { status, isHandedOver };
}

test("who runs a response settles it, and a store that is silent may run it", async () => {
  const accepted = { kind: "accepted", response: "{}" };
  expect(await handOver(async () => accepted)).toEqual({ status: 200, isHandedOver: true });
  const { promise: never } = Promise.withResolvers<unknown>();
  expect(await handOver(async () => never)).toEqual({ status: 503, isHandedOver: true });
  expect(await handOver(async () => Promise.reject(new Error("no room")))).toEqual({
    status: 503,
    isHandedOver: undefined,
  });
});
