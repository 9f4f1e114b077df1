// What no client should send. `SLUICE_FUZZ_REQUESTS` says how many; 10,000 take some minutes.
import * as fc from "fast-check";
import { env } from "node:process";
import { describe, expect, inject, it } from "vitest";
import { errorTable } from "@sluice/shared/errors.ts";
import { createKey } from "../end-to-end/create-key.ts";
import { type FuzzedRequest, fuzzedRequests } from "./fuzzed-requests.ts";
import { assertPublished } from "./published/published-schemas.ts";
import { count } from "./questions.ts";

const numRequests = Number(env["SLUICE_FUZZ_REQUESTS"] ?? 500);
const atOnce = 10;
/** Far more than a refusal takes on the slowest machine. */
const patienceMs = 30_000;

const stack = inject("stack");
const { baseUrl, model } = stack;
/** Without limits: a request refused for its rate would prove nothing. */
const apiKey = await createKey(stack, { name: "fuzz" });

async function send({ method, path, body, contentType }: FuzzedRequest): Promise<Response> {
  return fetch(`${baseUrl}/${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, ...(contentType !== undefined && { "content-type": contentType }) },
    body: body ?? null,
    signal: AbortSignal.timeout(patienceMs),
  });
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function answerTo(request: FuzzedRequest): Promise<Answer> {
  const response = await send(request);
  return { status: response.status, text: await response.text() };
}

/** What is wrong with an answer, which must be whole, or a documented refusal by the caller's fault. */
function faultOf({ status, text }: Answer): string | undefined {
  // Nothing here is refused after the first byte.
  if (status === 200) return /"error":(?!null)/.test(text) ? text : undefined;
  const refusal = JSON.parse(text) as { error: { code: string; type: string } };
  assertPublished("ErrorResponse", refusal);
  const { code, type } = refusal.error;
  const row = Object.entries(errorTable).find(([name]) => name === code)?.[1];
  const isCallersFault = status < 500 && status !== 429;
  return row?.httpStatus === status && row.type === type && isCallersFault ? undefined : `${status} ${text}`;
}

async function expectServing(): Promise<void> {
  const body = JSON.stringify({ model, temperature: 0, messages: [{ role: "user", content: count.question }] });
  const response = await send({ method: "POST", path: "chat/completions", body, contentType: "application/json" });
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: count.answer } }] });
}

describe("requests that no client should send", () => {
  it(
    `get documented answers, ${numRequests} times, and good requests are answered right after`,
    async () => {
      const some = fc.array(fuzzedRequests(model), { minLength: atOnce, maxLength: atOnce });
      const property = fc.asyncProperty(some, async (requests) => {
        const answers = await Promise.all(requests.map(answerTo));
        expect(answers.map(faultOf).filter((fault) => fault !== undefined)).toEqual([]);
      });
      await fc.assert(property.afterEach(expectServing), { numRuns: Math.ceil(numRequests / atOnce) });
    },
    patienceMs + numRequests * 1_000,
  );
});
