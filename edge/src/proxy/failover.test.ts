import { expect, test } from "vitest";
import type { Region } from "#edge/routing/region.ts";
import type { AttemptRecord, FinalAttempt } from "./attempt.ts";
import { failover } from "./failover.ts";

type Outcome = "unreachable" | number;

function region(id: string): Region {
  return { id, url: `http://${id}.test`, latitude: 0, longitude: 0, jurisdiction: "any" };
}

/** Runs failover over one region per outcome, in order; a number is the status it answers with. */
async function run(
  outcomes: readonly Outcome[],
  headers: Record<string, string> = { "content-type": "application/json" },
  maxRetries = Infinity,
) {
  const records: AttemptRecord[] = [];
  const responses: Response[] = [];
  const regions = outcomes.map((_, index) => region(String(index)));
  const ask = async (asked: Region): Promise<FinalAttempt> => {
    const outcome = outcomes[Number(asked.id)] ?? "unreachable";
    if (outcome === "unreachable") return { kind: outcome, region: asked, cause: new Error("refused") };
    const response = new Response("{}", { status: outcome, headers });
    responses.push(response);
    return { kind: outcome < 400 ? "answered" : "declined", region: asked, response };
  };
  const answer = failover(regions, {
    ask,
    record: (record) => records.push(record),
    mayRetry: () => records.length <= maxRetries,
    now: () => 0,
  });
  return { answer, records, responses };
}

test("the first region that answers is the last one asked", async () => {
  const { answer, records } = await run(["unreachable", 503, 200, 200]);
  expect((await answer).region.id).toBe("2");
  expect(records.map(({ region: id, outcome }) => `${id} ${outcome}`)).toEqual([
    "0 unreachable",
    "1 declined",
    "2 answered",
  ]);
});

test("without a budget for it, no further region is asked", async () => {
  const { answer, records } = await run([503, 503, 200], { "content-type": "application/json" }, 1);
  expect((await answer).response.status).toBe(503);
  expect(records).toHaveLength(2);
});

test("the record says what the region took and when it has room, if that is what the headers say", async () => {
  const { answer, records } = await run([503, 200], { "openai-processing-ms": "12", "retry-after-ms": "soon" });
  await answer;
  expect(records.map(({ processingMs, retryAfterMs }) => [processingMs, retryAfterMs])).toEqual([
    [12, undefined],
    [12, undefined],
  ]);
});

test("refusals that are not passed on are released", async () => {
  const { answer, responses } = await run([503, 429, 200]);
  await answer;
  expect(responses.map(({ bodyUsed }) => bodyUsed)).toEqual([true, true, false]);
});

test.each([429, 503])("when all fail, a last refusal of %i is the answer", async (status) => {
  const { answer } = await run([502, status, "unreachable"]);
  expect((await answer).response.status).toBe(status);
});

test.each([
  { why: "none was reached", outcomes: ["unreachable", "unreachable"] as const, headers: {} },
  {
    why: "the last refusal is a gateway's",
    outcomes: [503, 502] as const,
    headers: { "content-type": "application/json" },
  },
  { why: "the last refusal is no JSON", outcomes: [503] as const, headers: { "content-type": "text/html" } },
])("when all fail and $why, the edge refuses by itself", async ({ outcomes, headers }) => {
  const { answer } = await run(outcomes, headers);
  await expect(answer).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 1_000 });
});
