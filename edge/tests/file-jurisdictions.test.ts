import { afterAll, beforeAll, expect, test } from "vitest";
import { Edge } from "./support/edge.ts";
import { type HarnessWorker, startHarnessWorker } from "./support/harness-worker.ts";

let edge: Edge<HarnessWorker>;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["berlin", "tokyo"], { FILES_JURISDICTION: "berlin" });
});
afterAll(async () => edge.stop());

async function call(key: string, method: string, path = "", body: FormData | null = null): Promise<Response> {
  return edge.fetch(`/v1/files${path}`, { method, headers: { authorization: `Bearer ${key}` }, body });
}

function form(): FormData {
  const fields = new FormData();
  fields.set("purpose", "batch");
  fields.set("file", new Blob(["{}\n"]), "secret-name.jsonl");
  return fields;
}

async function keyBoundTo(...jurisdictions: string[]): Promise<string> {
  return (await edge.createKey(jurisdictions.length === 0 ? {} : { jurisdictions })).value;
}

test.each([{ bound: [] }, { bound: ["berlin"] }, { bound: ["tokyo", "berlin"] }])(
  "a key bound to $bound keeps files in berlin",
  async ({ bound }) => {
    const key = await keyBoundTo(...bound);
    const uploaded = await call(key, "POST", "", form());
    expect(uploaded.status).toBe(200);
    const { id } = (await uploaded.json()) as { id: string };
    expect(await (await call(key, "GET", `/${id}/content`)).text()).toBe("{}\n");
    expect((await call(key, "DELETE", `/${id}`)).status).toBe(200);
  },
);

test("a key bound elsewhere has no files: none is taken, none is told of, and nothing of one is stored", async () => {
  const { id } = (await (await call(await keyBoundTo(), "POST", "", form())).json()) as { id: string };
  const { objects } = await (await edge.worker.bucket()).list();
  const key = await keyBoundTo("tokyo");
  const asked = [
    await call(key, "POST", "", form()),
    await call(key, "GET"),
    await call(key, "GET", `/${id}`),
    await call(key, "GET", `/${id}/content`),
    await call(key, "DELETE", `/${id}`),
  ];
  for (const response of asked) {
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: "permission_denied" } });
  }
  const rows = await (await edge.worker.database()).prepare("SELECT id FROM files").all();
  expect(rows.results).toEqual([{ id }]);
  expect((await (await edge.worker.bucket()).list()).objects).toEqual(objects);
});

test("a key that is bound has no batches where their objects are in no jurisdiction", async () => {
  const key = await keyBoundTo("berlin");
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const body = JSON.stringify({ input_file_id: "x", endpoint: "/v1/embeddings", completion_window: "24h" });
  const asked = [
    await edge.fetch("/v1/batches", { method: "POST", headers, body }),
    await edge.fetch("/v1/batches", { headers }),
    await edge.fetch("/v1/batches/batch_x", { headers }),
  ];
  for (const response of asked) expect(response.status).toBe(403);
});
