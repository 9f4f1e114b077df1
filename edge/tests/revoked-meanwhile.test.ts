// Whoever loses a right while its request arrives has lost it also for that request.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Edge } from "./support/edge.ts";
import { type HarnessWorker, startHarnessWorker } from "./support/harness-worker.ts";
import { trickle } from "./support/trickle.ts";

let edge: Edge<HarnessWorker>;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
});
afterAll(async () => edge.stop());

function headersOf(key: string, contentType = "application/json"): Record<string, string> {
  return { authorization: `Bearer ${key}`, "content-type": contentType };
}

function part(name: string, content: string): string {
  return `--x\r\ncontent-disposition: form-data; ${name}\r\n\r\n${content}\r\n`;
}

test("an admin key that is deleted while its request arrives makes no other key", async () => {
  const made = await edge.organization("POST", "/admin_api_keys", { name: "leaver" });
  const { id, value } = (await made.json()) as { id: string; value: string };
  const url = `${edge.worker.url}/v1/organization/admin_api_keys`;
  const arriving = await trickle(url, headersOf(value), JSON.stringify({ name: "back door" }));
  // The first half is there and read.
  await new Promise((settle) => setTimeout(settle, 200));
  expect((await edge.organization("DELETE", `/admin_api_keys/${id}`)).status).toBe(200);
  const { status, body } = await arriving.finish();
  expect(status, body).toBe(401);
  expect(await (await edge.organization("GET", "/admin_api_keys")).text()).not.toContain("back door");
});

test("a request for inference whose key is revoked while it arrives reaches no region", async () => {
  const { id, value } = await edge.createKey();
  const body = JSON.stringify({ model: "pocket", prompt: "a" });
  const arriving = await trickle(`${edge.worker.url}/v1/completions`, headersOf(value), body);
  await new Promise((settle) => setTimeout(settle, 200));
  await edge.admin("DELETE", `/${id}`);
  expect((await arriving.finish()).status).toBe(401);
  expect(edge.region("amsterdam").received).toEqual([]);
});

test("a file whose key is revoked while it is uploaded is not kept", async () => {
  const { id, value } = await edge.createKey();
  const body = `${part('name="purpose"', "batch")}${part('name="file"; filename="a"', "{}\n".repeat(1_000))}--x--\r\n`;
  const headers = headersOf(value, "multipart/form-data; boundary=x");
  const arriving = await trickle(`${edge.worker.url}/v1/files`, headers, body);
  const sizes = async () =>
    (await (await edge.worker.database()).prepare("SELECT size_bytes FROM file_storage").all()).results;
  // It was admitted: room is set aside for it.
  await vi.waitFor(async () => expect(await sizes()).toEqual([{ size_bytes: body.length }]), 10_000);
  await edge.admin("DELETE", `/${id}`);
  const { status, body: answer } = await arriving.finish();
  expect(status, answer).toBe(401);
  await vi.waitFor(async () => expect(await sizes()).toEqual([{ size_bytes: 0 }]), 10_000);
  expect((await (await edge.worker.bucket()).list()).objects).toEqual([]);
});

test.each(["strict", "leased"])(
  "a request of a %s key that is revoked before more is reserved for it gets no more",
  async (admission) => {
    const { id, value } = await edge.createKey({ admission, tpm: 100_000 });
    const region = edge.region("amsterdam");
    region.received.length = 0;
    region.behaviour = (response) => {
      const revoked = edge.admin("DELETE", `/${id}`);
      void revoked.then(() => response.writeHead(412, { "x-sluice-needed-tokens": "700" }).end("{}"));
    };
    const response = await edge.complete(value, { prompt: "a", max_tokens: 5 }, { from: "berlin" });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { code: "key_revoked" } });
    expect(region.received).toHaveLength(1);
  },
);
