import type { ServerResponse } from "node:http";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { refuseWith, resetConnection } from "./support/behaviours.ts";
import { startDevWorker } from "./support/dev-worker.ts";
import { Edge } from "./support/edge.ts";
import type { MockRegion, ReceivedRequest } from "./support/mock-region.ts";
import { dieMidResponse, requestIn, respondForever, respondWith } from "./support/response-behaviours.ts";

let edge: Edge;
let region: MockRegion;
let key: string;
let client: OpenAI;

beforeAll(async () => {
  edge = await Edge.start(startDevWorker, ["amsterdam"], { RESPONSE_MAX_LENGTH: "20000" });
  region = edge.region("amsterdam");
  key = (await edge.createKey()).value;
  client = clientOf(key);
});
afterAll(async () => edge.stop());
beforeEach(() => {
  region.received.length = 0;
  region.behaviour = respondWith("hello");
  region.usageOf = () => "none";
});

const ask = { model: "pocket", input: "hi", background: true } as const;

function clientOf(apiKey: string): OpenAI {
  return new OpenAI({ baseURL: `${edge.worker.url}/v1`, apiKey, maxRetries: 0 });
}

/** A response once it is no longer under way. */
async function ended(id: string, by = client): Promise<OpenAI.Responses.Response> {
  return vi.waitFor(
    async () => {
      const response = await by.responses.retrieve(id);
      expect(["queued", "in_progress"]).not.toContain(response.status);
      return response;
    },
    { timeout: 10_000, interval: 20 },
  );
}

/** A region that begins when it is told to. */
function heldRegion(): { readonly begin: (text: string) => void } {
  let held: [ServerResponse, ReceivedRequest] | undefined;
  region.behaviour = (...request) => {
    held = request;
  };
  return {
    begin: (text) => {
      if (held === undefined) throw new Error("nothing was asked yet");
      respondWith(text)(...held);
    },
  };
}

async function eventsOf(stream: AsyncIterable<OpenAI.Responses.ResponseStreamEvent>, atMost = Infinity) {
  const events: OpenAI.Responses.ResponseStreamEvent[] = [];
  for await (const event of stream) {
    events.push(event);
    if (events.length === atMost) break;
  }
  return events;
}

describe("a response in the background", () => {
  test("is queued, runs without its caller, and can be had when it has ended", async () => {
    const queued = await client.responses.create(ask);
    expect(queued).toMatchObject({ status: "queued", background: true, output: [] });
    const response = await ended(queued.id);
    expect(response).toMatchObject({ id: queued.id, status: "completed", output_text: "hello" });
    expect(requestIn(region.received[0] as never)).toMatchObject({ stream: true, background: true });
    expect(region.received[0]?.headers).toMatchObject({ "content-type": "application/json" });
    const next = await client.responses.create({ model: "pocket", input: "on", previous_response_id: queued.id });
    expect(next.output_text).toBe("hello");
  });

  test("is in progress once its region has begun, whoever polls", async () => {
    region.behaviour = respondForever;
    const { id } = await client.responses.create(ask);
    await vi.waitFor(async () => expect((await client.responses.retrieve(id)).status).toBe("in_progress"), 10_000);
    await client.responses.cancel(id);
  });

  test("that its region refuses is refused, and never was", async () => {
    region.behaviour = refuseWith(400);
    const refused = await client.responses
      .create(ask)
      .asResponse()
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 400, error: { message: "said the region" } });
    const id = region.received[0]?.passport?.responseId ?? "";
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
  });

  test("that no region takes is refused, with when to come back", async () => {
    region.behaviour = refuseWith(503, { "retry-after": "3" });
    const error: unknown = await client.responses.create(ask).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 503 });
    expect((error as { headers: Headers }).headers.get("retry-after")).toBe("3");
    region.behaviour = resetConnection;
    await expect(client.responses.create(ask)).rejects.toMatchObject({ status: 503, code: "unavailable" });
  });

  test("whose region refuses it late has failed", async () => {
    const held = { refuse: (): void => undefined };
    region.behaviour = (response, request) => {
      held.refuse = () => refuseWith(400)(response, request);
    };
    const { id } = await client.responses.create(ask);
    held.refuse();
    expect(await ended(id)).toMatchObject({ status: "failed", error: { message: "said the region" } });
  });

  test("whose region dies has failed", async () => {
    region.behaviour = dieMidResponse;
    const { id } = await client.responses.create(ask);
    expect(await ended(id)).toMatchObject({ status: "failed", error: { code: "server_error" } });
  });

  test("that grows larger than is kept has failed, and its region is left", async () => {
    region.behaviour = respondWith("x".repeat(30_000));
    const { id } = await client.responses.create(ask);
    expect(await ended(id)).toMatchObject({ status: "failed", output: [] });
  });

  test("is cancelled, once and for all, and its region is left", async () => {
    region.behaviour = respondForever;
    const { id } = await client.responses.create(ask);
    expect((await client.responses.cancel(id)).status).toBe("cancelled");
    expect((await client.responses.cancel(id)).status).toBe("cancelled");
    await vi.waitFor(() => expect(region.numAbandoned).toBe(1), 10_000);
    expect((await client.responses.retrieve(id)).status).toBe("cancelled");
    region.behaviour = respondWith("fine");
    expect((await client.responses.create({ model: "pocket", input: "hi" })).status).toBe("completed");
  });

  test("is cancelled before its region has begun", async () => {
    const held = heldRegion();
    const { id } = await client.responses.create(ask);
    expect((await client.responses.retrieve(id)).status).toBe("queued");
    expect((await client.responses.cancel(id)).status).toBe("cancelled");
    held.begin("late");
    expect((await client.responses.retrieve(id)).status).toBe("cancelled");
  });

  test("that has ended is not cancelled any more", async () => {
    const { id } = await client.responses.create(ask);
    await ended(id);
    expect((await client.responses.cancel(id)).status).toBe("completed");
  });

  test("is cancelled or completed, and stays so, when both come at once", async () => {
    for (let time = 0; time < 5; time += 1) {
      const held = heldRegion();
      const { id } = await client.responses.create(ask);
      held.begin("hello");
      const { status } = await client.responses.cancel(id);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await client.responses.retrieve(id)).status).toBe(status);
    }
  });

  test("that is deleted while it runs is gone, and its region is left", async () => {
    region.behaviour = respondForever;
    const { id } = await client.responses.create(ask);
    await client.responses.delete(id);
    await vi.waitFor(() => expect(region.numAbandoned).toBe(1), 10_000);
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
    await expect(client.responses.cancel(id)).rejects.toMatchObject({ status: 404 });
  });

  test("has a caller who cannot cancel it when it is none", async () => {
    const { id } = await client.responses.create({ model: "pocket", input: "hi" });
    await expect(client.responses.cancel(id)).rejects.toMatchObject({ status: 400 });
  });

  test("is another's 404", async () => {
    const { id } = await client.responses.create(ask);
    const project = (await (await edge.organization("POST", "/projects", { name: "other" })).json()) as { id: string };
    const created = await edge.organization("POST", `/projects/${project.id}/api_keys`, { name: "x" });
    const other = clientOf(((await created.json()) as { value: string }).value);
    await expect(other.responses.cancel(id)).rejects.toMatchObject({ status: 404 });
    await expect(other.responses.retrieve(id, { stream: true })).rejects.toMatchObject({ status: 404 });
    expect((await ended(id)).status).toBe("completed");
  });
});

describe("events of a response in the background", () => {
  test("are streamed as they come, and told again from any of them on", async () => {
    const events = await eventsOf(await client.responses.create({ ...ask, stream: true }));
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual([0, 1, 2]);
    expect(events.at(-1)?.type).toBe("response.completed");
    const id = events[0]?.type === "response.created" ? events[0].response.id : "";
    expect(await eventsOf(await client.responses.retrieve(id, { stream: true }))).toEqual(events);
    const rest = await eventsOf(await client.responses.retrieve(id, { stream: true, starting_after: 1 }));
    expect(rest).toEqual(events.slice(2));
  });

  test("go on without who left, and find who comes back", async () => {
    const held = heldRegion();
    const id = (await client.responses.create(ask)).id;
    const following = eventsOf(await client.responses.retrieve(id, { stream: true }));
    const leaving = eventsOf(await client.responses.retrieve(id, { stream: true }), 1);
    held.begin("hello");
    expect(await leaving).toHaveLength(1);
    const events = await following;
    expect(events.at(-1)?.type).toBe("response.completed");
    expect(await eventsOf(await client.responses.retrieve(id, { stream: true, starting_after: 0 }))).toEqual(
      events.slice(1),
    );
  });

  test("end with an error when the region dies, and without a word when they are cancelled", async () => {
    region.behaviour = dieMidResponse;
    const { id } = await client.responses.create(ask);
    await ended(id);
    await expect(eventsOf(await client.responses.retrieve(id, { stream: true }))).rejects.toThrow("region failed");
    region.behaviour = respondForever;
    const running = (await client.responses.create(ask)).id;
    const following = eventsOf(await client.responses.retrieve(running, { stream: true }));
    await vi.waitFor(async () => expect((await client.responses.retrieve(running)).status).toBe("in_progress"), 10_000);
    await client.responses.cancel(running);
    expect((await following).map(({ type }) => type)).not.toContain("response.completed");
  });
});

test("only so many may follow one response", async () => {
  region.behaviour = respondForever;
  const { id } = await client.responses.create(ask);
  const followers = await Promise.all(
    Array.from({ length: 65 }, async () =>
      client.responses.retrieve(id, { stream: true }).catch((error: unknown) => error),
    ),
  );
  const refused = followers.filter((follower) => follower instanceof OpenAI.APIError);
  expect(refused).toMatchObject([{ status: 503, code: "server_is_overloaded" }]);
  await client.responses.cancel(id);
});

describe("what a response in the background costs", () => {
  test("is what its region says, settled when it has ended", async () => {
    region.usageOf = () => ({ promptTokens: 30, completionTokens: 12 });
    const { value } = await edge.createKey({ tpm: 1_000 });
    const own = clientOf(value);
    const { id } = await own.responses.create({ ...ask, max_output_tokens: 500 });
    await ended(id, own);
    const next = { model: "pocket", input: "hi", max_output_tokens: 10 } as const;
    await vi.waitFor(async () => {
      const { response } = await own.responses.create(next).withResponse();
      const left = Number(response.headers.get("x-ratelimit-remaining-tokens"));
      // As reserved it would be less than 500; what comes next reserves some fifty.
      expect(left).toBeGreaterThan(850);
      expect(left).toBeLessThan(960);
    }, 10_000);
    expect(region.receiptsAsked).toContain(region.received[0]?.passport?.rid);
  });

  test("holds its place of the limit until it has ended", async () => {
    const own = clientOf((await edge.createKey({ concurrency: 1 })).value);
    region.behaviour = respondForever;
    const { id } = await own.responses.create(ask);
    region.behaviour = respondWith("hello");
    await expect(own.responses.create(ask)).rejects.toMatchObject({ status: 429 });
    await own.responses.cancel(id);
    await vi.waitFor(async () => expect((await own.responses.create(ask)).status).toBe("queued"), 10_000);
  });

  test("counts against the limit like any other", async () => {
    const limited = clientOf((await edge.createKey({ rpd: 1 })).value);
    await limited.responses.create(ask);
    await expect(limited.responses.create(ask)).rejects.toMatchObject({ status: 429 });
  });

  test("is the same once, under an idempotency key", async () => {
    const options = { headers: { "idempotency-key": "background" } };
    const first = await client.responses.create(ask, options);
    await ended(first.id);
    await vi.waitFor(async () => {
      expect((await client.responses.create(ask, options)).id).toBe(first.id);
    }, 10_000);
    expect(region.received).toHaveLength(1);
  });
});
