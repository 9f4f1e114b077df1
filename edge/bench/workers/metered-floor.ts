// The least that a gateway does which counts: the bare proxy, and what no exact metering can be without. Before the region is asked,
// one hop to an object that says yes; the end of the stream seen; the region asked what was used; the object told. It checks,
// signs, limits and writes down nothing, so what the edge takes beyond it is the edge's own.
import { DurableObject } from "cloudflare:workers";
import { receiptsPath } from "@sluice/shared/receipt.ts";
import { Hono } from "hono";

interface Environment {
  readonly UPSTREAM: string;
  readonly KEY_GATE: DurableObjectNamespace<KeyGate>;
}

export class KeyGate extends DurableObject {
  readonly #underWay = new Map<string, number>();

  /** As the bench provisions it; this one knows no keys. */
  provision(): void {}

  admit(requestId: string, tokens: number): { readonly isAdmitted: boolean } {
    this.#underWay.set(requestId, tokens);
    return { isAdmitted: true };
  }

  settle(requestId: string, usedTokens: number): void {
    if (!this.#underWay.delete(requestId)) throw new Error(`${usedTokens} tokens of a request that was not admitted`);
  }
}

const app = new Hono<{ Bindings: Environment }>();

app.all("*", async (c) => {
  const { UPSTREAM, KEY_GATE } = c.env;
  const { pathname, search } = new URL(c.req.url);
  const headers = new Headers(c.req.raw.headers);
  for (const name of ["host", "connection", "content-length"]) headers.delete(name);
  const { method, signal } = c.req.raw;
  const requestId = crypto.randomUUID();
  headers.set("x-request-id", requestId);
  // Whoever limits tokens reads what is asked for.
  const body = await c.req.arrayBuffer();
  const gate = KEY_GATE.getByName("the one");
  const { isAdmitted } = await gate.admit(requestId, body.byteLength);
  if (!isAdmitted) return c.text("refused", 429);
  const answer = await fetch(`${UPSTREAM}${pathname}${search}`, { method, headers, body, signal });
  if (answer.body === null) return answer;
  const { readable, writable } = new IdentityTransformStream();
  const ended = answer.body.pipeTo(writable).catch(() => undefined);
  const settle = async () => {
    await ended;
    const question = JSON.stringify({ requestIds: [requestId], waitMs: 0 });
    const said = await fetch(`${UPSTREAM}${receiptsPath}`, { method: "POST", body: question });
    await gate.settle(requestId, (await said.text()).length);
  };
  c.executionCtx.waitUntil(settle());
  return new Response(readable, answer);
});

export default app satisfies ExportedHandler<Environment>;
