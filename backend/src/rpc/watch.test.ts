import { once } from "node:events";
import { status } from "@grpc/grpc-js";
import type { CacheEvents, WatchResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { HashChain, shorten } from "@sluice/shared/hash-chain.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha256 } from "#platform/sha256.ts";
import { type FakeEngine, startFakeEngine } from "./fake-engine.ts";
import { generateRequest, startGenerate, startWatch, untilEnd } from "./loopback-engine.ts";

let loopback: FakeEngine["loopback"];
let client: FakeEngine["client"];
let steps: FakeEngine["steps"];

beforeEach(async () => {
  ({ loopback, client, steps } = await startFakeEngine());
  await loopback.load();
});
afterEach(() => loopback.close());

test("sends the load at once and after a change", async () => {
  const watch = startWatch(client, 1);
  const loads = watch[Symbol.asyncIterator]();
  expect((await loads.next()).value).toMatchObject({ numRunning: 0, numFreeBlocks: 4096, draining: false });
  await untilEnd(startGenerate(client, generateRequest("a")));
  let { value } = await loads.next();
  while (value.generationTokensTotal !== 5) ({ value } = await loads.next());
  expect(value).toMatchObject({ promptTokensTotal: 3, numRunning: 0 });
  watch.on("error", () => {});
  watch.cancel();
});

describe("with cache events", () => {
  test("tells which blocks the cache has, by the names that the prompt's own tokens give", async () => {
    const promptTokenIds = [...Array(13).keys()];
    const chain = new HashChain({ cacheSalt: "org" }, 4, sha256);
    const names = [0, 1, 2].map((block) => shorten(chain.hashOf(block, promptTokenIds)));
    const ask = (id: string) =>
      untilEnd(startGenerate(client, generateRequest(id, { promptTokenIds, cacheSalt: "org" })));
    await ask("before");
    const [early, plain] = [new CacheWatch(true), new CacheWatch(false)];
    await early.until(() => true);
    expect([...early.believed]).toEqual(expect.arrayContaining(names));
    expect(early.numRestarts).toBe(1);
    // Of both sequences the output is cached too, but for its last token: 17 tokens are four blocks, 9 are two.
    expect(early.believed.size).toBe(4);
    await untilEnd(startGenerate(client, generateRequest("after", { promptTokenIds: [9, 9, 9, 9, 9] })));
    await early.until(() => early.believed.size === 6);
    expect(early.numRestarts).toBe(1);
    expect(plain.believed.size).toBe(0);
    early.watch.cancel();
    plain.watch.cancel();
  });

  test("tells of a prompt that waits behind another before anything of it is computed", async () => {
    const watch = new CacheWatch(true);
    await watch.until(() => true);
    const promptTokenIds = [...Array(13).keys()];
    const chain = new HashChain({ cacheSalt: "" }, 4, sha256);
    const names = [0, 1, 2].map((block) => shorten(chain.hashOf(block, promptTokenIds)));
    let held = steps.hold();
    // Of many steps.
    const long = Array.from({ length: 6_400 }, (_, index) => (index + 7) % 90);
    const ends = [untilEnd(startGenerate(client, generateRequest("long", { promptTokenIds: long })))];
    await held.reached;
    ends.push(untilEnd(startGenerate(client, generateRequest("waits", { promptTokenIds }))));
    while (loopback.engineClient.model?.load.numWaiting !== 1) {
      const next = steps.hold();
      held.release();
      await next.reached;
      held = next;
    }
    await watch.until(() => names.every((name) => watch.believed.has(name)));
    expect(loopback.engineClient.model.load).toMatchObject({ numWaiting: 1, totals: { promptTokens: 0 } });
    steps.open();
    held.release();
    for (const { error } of await Promise.all(ends)) expect(error).toBeUndefined();
    watch.watch.cancel();
  });

  test("refuses one watch more than there may be, and takes another when one left", async () => {
    const watches = Array.from({ length: 256 }, () => startWatch(client, 1));
    await Promise.all(watches.map((each) => once(each, "data")));
    const [error] = await once(startWatch(client, 1).resume(), "error");
    expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    for (const each of watches) each.on("error", () => {}).cancel();
    for (;;) {
      const watch = startWatch(client, 1);
      const first = await Promise.race([once(watch, "data"), once(watch, "error")]).catch(() => []);
      watch.on("error", () => {}).cancel();
      if (first[0]?.numBlocks === 4096) break;
    }
  });
});

/** A watch that believes what it is told of the cache. */
class CacheWatch {
  readonly watch: ReturnType<typeof startWatch>;
  readonly believed = new Set<string>();
  numRestarts = 0;
  #numHeard = 0;

  constructor(cacheEvents: boolean) {
    this.watch = startWatch(client, 1, cacheEvents);
    this.watch.on("error", () => {});
    this.watch.on("data", (message: WatchResponse) => this.#hear(message.cacheEvents));
  }

  /** Settles once something was heard and this holds. */
  async until(holds: () => boolean): Promise<void> {
    while (this.#numHeard === 0 || !holds()) await once(this.watch, "data");
  }

  #hear(events: CacheEvents | undefined): void {
    if (events === undefined) return;
    this.#numHeard += 1;
    if (events.restarts) this.numRestarts += 1;
    for (const name of namesIn(events.stored)) this.believed.add(name);
    for (const name of namesIn(events.evicted)) this.believed.delete(name);
  }
}

function namesIn(bytes: Uint8Array): readonly string[] {
  return Buffer.from(bytes).toString("latin1").match(/.{8}/gs) ?? [];
}
