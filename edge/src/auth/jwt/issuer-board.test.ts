import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { testIssuer } from "./test-issuer.ts";
import type { IssuerBoard } from "./issuer-board.ts";

const key = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid: "one" };

let board: DurableObjectStub<IssuerBoard>;
let numFetches: number;
let answer: () => Response;

beforeEach(({ task }) => {
  board = env.ISSUER_BOARD.getByName(task.name);
  numFetches = 0;
  answer = () => Response.json({ keys: [key] });
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    // The boards of other tests may still be polling.
    if (input instanceof Request || new URL(input).hostname !== "id.example") throw new Error("not the issuer");
    numFetches += 1;
    return answer();
  });
});

afterEach(() => vi.restoreAllMocks());

test("who knows the newest list is not sent it again", async () => {
  await board.put(testIssuer());
  const list = await board.list(undefined);
  expect(list?.issuers.map(({ id }) => id)).toEqual(["iss_one"]);
  expect(await board.list(list?.revision)).toBeUndefined();
  await board.retire("iss_one");
  expect((await board.list(list?.revision))?.issuers).toEqual([]);
});

test("an issuer that is retired has no tokens and no keys, and is there to be noted until it is forgotten", async () => {
  await board.put(testIssuer());
  for (let count = 0; count < 2; count += 1) {
    expect(await board.retire("iss_one")).toEqual(testIssuer());
    await evictDurableObject(board);
    expect((await board.list(undefined))?.issuers).toEqual([]);
    expect(await board.keysOf("iss_one", "one")).toBeUndefined();
  }
  await board.forget("iss_one");
  expect(await board.retire("iss_one")).toBeUndefined();
  expect(await board.retire("iss_two")).toBeUndefined();
});

test("issuers and their keys outlive the board's sleep, also while the issuer is down", async () => {
  await board.put(testIssuer());
  await board.keysOf("iss_one", "one");
  await evictDurableObject(board);
  answer = () => new Response(null, { status: 500 });
  expect((await board.list(undefined))?.issuers).toHaveLength(1);
  expect((await board.keysOf("iss_one", "one"))?.keys).toEqual([key]);
  expect(numFetches).toBe(1);
});

test("no two issuers can be meant by one token", async () => {
  expect(await board.put(testIssuer())).toBeUndefined();
  expect(await board.put(testIssuer({ id: "iss_two", audiences: ["other", "sluice"] }))).toBe("taken");
  expect(await board.put(testIssuer({ id: "iss_two", audiences: ["other"] }))).toBeUndefined();
  expect(await board.put(testIssuer({ id: "iss_three", issuer: "https://id.example/" }))).toBeUndefined();
});

test.each([
  { what: "an error", respond: () => new Response("{}", { status: 500 }) },
  {
    what: "a redirect",
    respond: () => new Response(null, { status: 302, headers: { location: "https://evil.example" } }),
  },
  { what: "no JSON", respond: () => new Response("<html>") },
  { what: "no key set", respond: () => Response.json([key]) },
  { what: "no usable key", respond: () => Response.json({ keys: [{ kty: "oct", k: "AA" }] }) },
  { what: "more than a quarter of a megabyte", respond: () => new Response(" ".repeat(300_000)) },
])("an address that gives $what gives no keys", async ({ respond }) => {
  answer = respond;
  await board.put(testIssuer());
  expect(await board.keysOf("iss_one", "one")).toBeUndefined();
});

test("an issuer whose address changed is asked anew, and one that is gone not at all", async () => {
  await board.put(testIssuer());
  await board.keysOf("iss_one", "one");
  await board.put(testIssuer({ revision: 2, keys: { kind: "url", url: "https://id.example/new" } }));
  await board.keysOf("iss_one", "one");
  expect(numFetches).toBe(2);
  await board.retire("iss_one");
  expect(await board.keysOf("iss_one", "one")).toBeUndefined();
});
