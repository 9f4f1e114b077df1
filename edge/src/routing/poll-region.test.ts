import { generateKeyPair } from "jose";
import { afterEach, expect, test, vi } from "vitest";
import { pollRegion } from "./poll-region.ts";

const region = { id: "near", url: "http://near.test", latitude: 0, longitude: 0, jurisdiction: "any" };
const status = { region: "near", status: "ok", models: [], numRunning: 0, numWaiting: 0, numQueuedTokens: 0 };
const { privateKey } = await generateKeyPair("EdDSA");

afterEach(() => vi.restoreAllMocks());

async function kindAfter(answer: () => Response): Promise<string> {
  vi.spyOn(globalThis, "fetch").mockImplementation(async () => answer());
  return (await pollRegion(region, "req_1", privateKey, () => 0)).kind;
}

test.each([
  { what: "a status", answer: () => Response.json(status), kind: "answered" },
  { what: "another region's status", answer: () => Response.json({ ...status, region: "far" }), kind: "unreachable" },
  { what: "a status of unknown form", answer: () => Response.json({ region: "near" }), kind: "unreachable" },
  { what: "no JSON", answer: () => new Response("<html>"), kind: "unreachable" },
  { what: "a refusal", answer: () => Response.json(status, { status: 401 }), kind: "unreachable" },
  {
    what: "a broken connection",
    answer: () => {
      throw new Error("connection reset");
    },
    kind: "unreachable",
  },
])("a region that answers with $what is $kind", async ({ answer, kind }) => {
  expect(await kindAfter(answer)).toBe(kind);
});
