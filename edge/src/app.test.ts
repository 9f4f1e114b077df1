import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { createApp } from "./app.ts";
import { mintApiKey } from "./auth/api-key.ts";
import { KeyGates } from "./auth/key-gates.ts";
import { KeyTagger } from "./auth/key-tag.ts";
import { buildParts } from "./parts.ts";

const parts = await buildParts(env);
const silent = { info: () => undefined, error: () => undefined };

/** The app, over gates that count how often they are approached. */
function countingApp(timeoutMs = 5_000, answers = true) {
  let numApproached = 0;
  const namespace = new Proxy(env.KEY_GATE, {
    get: (target, property) => {
      if (property !== "getByName") throw new Error(`unexpected use of ${String(property)}`);
      numApproached += 1;
      return answers ? target.getByName.bind(target) : () => ({ admit: async () => new Promise(() => undefined) });
    },
  });
  const app = createApp({ ...parts, log: silent, gates: new KeyGates(namespace, timeoutMs) });
  const ask = async (key: string) => {
    const context = createExecutionContext();
    const init = { headers: { authorization: `Bearer ${key}` } };
    const response = await app.fetch(new Request("http://edge.test/v1/models", init), env, context);
    await waitOnExecutionContext(context);
    return response;
  };
  return { ask, numApproached: () => numApproached };
}

test("a key that this deployment did not mint is refused without touching its gate", async () => {
  const { ask, numApproached } = countingApp();
  const forged = await mintApiKey(await KeyTagger.fromSecret("a forger's secret"), parts.entropy);
  expect((await ask(forged.text)).status).toBe(401);
  expect(numApproached()).toBe(0);

  const minted = await mintApiKey(parts.tagger, parts.entropy);
  expect((await ask(minted.text)).status).toBe(401);
  expect(numApproached()).toBe(1);
});

test("while a gate does not answer, nobody is let in", async () => {
  const { ask } = countingApp(50, false);
  const response = await ask((await mintApiKey(parts.tagger, parts.entropy)).text);
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("1");
  expect(await response.json()).toMatchObject({ error: { code: "unavailable" } });
});
