// `/v1/files` with OpenAI's own client, over real R2 and D1 of workerd.
import { connect } from "node:net";
import OpenAI, { toFile } from "openai";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { Edge } from "./support/edge.ts";
import { type HarnessWorker, startHarnessWorker } from "./support/harness-worker.ts";
import { assertOpenAi } from "./support/openai-schemas.ts";

const maxFileBytes = 12 * 1024 * 1024;
const maxStorageBytes = 20 * 1024 * 1024;

let edge: Edge<HarnessWorker>;
let key: string;
let client: OpenAI;
let stranger: OpenAI;

beforeAll(async () => {
  const variables = { MAX_FILE_BYTES: String(maxFileBytes), MAX_STORAGE_BYTES: String(maxStorageBytes) };
  edge = await Edge.start(startHarnessWorker, ["amsterdam"], variables);
  key = (await edge.createKey()).value;
  client = clientOf(key);
  const project = (await (await edge.organization("POST", "/projects", { name: "other" })).json()) as { id: string };
  const other = await edge.organization("POST", `/projects/${project.id}/api_keys`, { name: "other" });
  stranger = clientOf(((await other.json()) as { value: string }).value);
});
afterAll(async () => edge.stop());
afterEach(async () => {
  for (const { id } of (await client.files.list()).data) await client.files.delete(id);
});

function clientOf(apiKey: string): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${edge.worker.url}/v1`, maxRetries: 0 });
}

async function upload(content: string | Uint8Array, name = "input.jsonl"): Promise<OpenAI.FileObject> {
  return client.files.create({ file: await toFile(Buffer.from(content), name), purpose: "batch" });
}

/** What is stored of all files together: bytes set aside, and objects. */
async function stored() {
  const { results } = await (await edge.worker.database()).prepare("SELECT * FROM file_storage").all();
  const [storage] = results as { size_bytes: number }[];
  const { objects } = await (await edge.worker.bucket()).list();
  return { sizeBytes: storage?.size_bytes ?? 0, numObjects: objects.length };
}

async function post(
  form: FormData,
  headers: Record<string, string> = {},
): Promise<{ status: number; error?: unknown }> {
  const init = { method: "POST", headers: { authorization: `Bearer ${key}`, ...headers }, body: form };
  const response = await edge.fetch("/v1/files", init);
  return { status: response.status, ...((await response.json()) as object) };
}

async function list(): Promise<unknown> {
  return (await edge.fetch("/v1/files", { headers: { authorization: `Bearer ${key}` } })).json();
}

function formOf(fields: Readonly<Record<string, string | Blob>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

test("what is uploaded is listed at once, read back byte for byte, and gone when deleted", async () => {
  const content = '{"line":1}\n{"line":"zwölf"}\n';
  const file = await upload(content, "größe.jsonl");
  assertOpenAi("OpenAIFile", file);
  expect(file).toMatchObject({ bytes: Buffer.byteLength(content), filename: "größe.jsonl", purpose: "batch" });
  expect((file.expires_at ?? 0) - file.created_at).toBe(30 * 24 * 3600);
  expect((await client.files.list()).data[0]).toEqual(file);
  expect(await client.files.retrieve(file.id)).toEqual(file);
  expect(await (await client.files.content(file.id)).text()).toBe(content);

  const deleted = await client.files.delete(file.id);
  assertOpenAi("DeleteFileResponse", deleted);
  const { files } = client;
  const asks = [() => files.retrieve(file.id), () => files.delete(file.id), () => files.content(file.id)];
  for (const ask of asks) {
    await expect(ask()).rejects.toMatchObject({ status: 404, code: "not_found", param: "file_id" });
  }
  expect(await stored()).toEqual({ sizeBytes: 0, numObjects: 0 });
});

test("a file of several parts comes back as it was, whole and in ranges", async () => {
  const content = new Uint8Array(11 * 1024 * 1024 + 17).map((_, index) => (index * 31 + (index >> 9)) & 0xff);
  const file = await upload(content);
  expect(file.bytes).toBe(content.byteLength);
  const whole = Buffer.from(await (await client.files.content(file.id)).arrayBuffer());
  expect(whole.equals(content)).toBe(true);
  const path = `/v1/files/${file.id}/content`;
  const ask = async (range: string) => edge.fetch(path, { headers: { authorization: `Bearer ${key}`, range } });
  const middle = await ask("bytes=5242870-5242890");
  expect(middle.status).toBe(206);
  expect(middle.headers.get("content-range")).toBe(`bytes 5242870-5242890/${content.byteLength}`);
  expect(Buffer.from(await middle.arrayBuffer()).equals(content.subarray(5242870, 5242891))).toBe(true);
  const tail = await ask("bytes=-17");
  expect(Buffer.from(await tail.arrayBuffer()).equals(content.subarray(-17))).toBe(true);
  const least = await ask(`Bytes=${content.byteLength - 1}-${content.byteLength + 5}`);
  expect([least.status, (await least.arrayBuffer()).byteLength]).toEqual([206, 1]);
});

test("a range that the file does not have is refused with its size; a header that asks for none is passed over", async () => {
  const { id } = await upload("0123456789");
  const ask = async (headers: Record<string, string>) =>
    edge.fetch(`/v1/files/${id}/content`, { headers: { authorization: `Bearer ${key}`, ...headers } });
  for (const range of ["bytes=10-", "bytes=10-20", "bytes=99999999999999999999-", "bytes=-0"]) {
    const response = await ask({ range });
    expect([range, response.status, response.headers.get("content-range")]).toEqual([range, 416, "bytes */10"]);
    expect(await response.json()).toMatchObject({ error: { code: "range_not_satisfiable" } });
  }
  for (const range of ["bytes=5-2", "bytes=-", "bytes=1-2,4-5", "lines=1-2", "bytes=a-b"]) {
    const response = await ask({ range });
    expect([range, response.status, await response.text()]).toEqual([range, 200, "0123456789"]);
  }
  const other = await ask({ range: "bytes=2-3", "if-range": '"another"' });
  expect([other.status, await other.text()]).toEqual([200, "0123456789"]);
});

test("files are listed by purpose, newest first or last, page by page", async () => {
  const ids: string[] = [];
  for (const name of ["a", "b", "c"]) ids.push((await upload(`{"n":"${name}"}`, name)).id);
  const page = await client.files.list({ limit: 2, order: "asc" });
  expect([page.data.map(({ id }) => id), page.has_more]).toEqual([ids.slice(0, 2), true]);
  const all: string[] = [];
  for await (const { id } of client.files.list({ limit: 1 })) all.push(id);
  expect(all).toEqual(ids.toReversed());
  expect((await client.files.list({ purpose: "batch_output" })).data).toEqual([]);
  assertOpenAi("ListFilesResponse", await list());
  for (const id of ids) await client.files.delete(id);
  assertOpenAi("ListFilesResponse", await list());
});

test("another project's files are not there", async () => {
  const { id } = await upload("{}");
  expect((await stranger.files.list()).data).toEqual([]);
  const { files } = stranger;
  for (const ask of [() => files.retrieve(id), () => files.content(id), () => files.delete(id)]) {
    await expect(ask()).rejects.toMatchObject({ status: 404 });
  }
  expect((await client.files.retrieve(id)).id).toBe(id);
});

test("a file ends when it was told to", async () => {
  const file = await toFile(Buffer.from("{}"), "a.jsonl");
  const expires_after = { anchor: "created_at", seconds: 7200 } as const;
  const made = await client.files.create({ file, purpose: "batch", expires_after });
  expect((made.expires_at ?? 0) - made.created_at).toBe(7200);
  const database = await edge.worker.database();
  await database.prepare(`UPDATE files SET expires_at_ms = 1 WHERE id = '${made.id}'`).run();
  await expect(client.files.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
  expect((await client.files.list()).data).toEqual([]);
  await database.prepare(`UPDATE files SET expires_at_ms = 9e15 WHERE id = '${made.id}'`).run();
  await client.files.delete(made.id);
});

const some = new Blob(["{}"]);

test.each([
  { what: "no purpose", fields: { file: some }, param: "purpose", code: "missing_required_parameter" },
  {
    what: "a purpose nobody serves",
    fields: { file: some, purpose: "vision" },
    param: "purpose",
    code: "invalid_value",
  },
  {
    what: "a purpose that is ours",
    fields: { file: some, purpose: "batch_output" },
    param: "purpose",
    code: "invalid_value",
  },
  { what: "no file", fields: { purpose: "batch" }, param: "file", code: "missing_required_parameter" },
  { what: "an empty file", fields: { purpose: "batch", file: new Blob([]) }, param: "file", code: "invalid_value" },
  { what: "an unknown field", fields: { purpose: "batch", file: some, x: "1" }, param: "x", code: "unknown_parameter" },
  {
    what: "an end that is too near",
    fields: { purpose: "batch", file: some, "expires_after[anchor]": "created_at", "expires_after[seconds]": "60" },
    param: "expires_after.seconds",
    code: "invalid_value",
  },
  {
    what: "a field that is too long",
    fields: { purpose: "x".repeat(2000), file: some },
    param: null,
    code: "invalid_value",
  },
] as const)("$what is refused, and nothing stays", async ({ fields, param, code }) => {
  const refused = await post(formOf(fields));
  expect(refused).toMatchObject({ status: 400, error: { code, param } });
  expect(await stored()).toEqual({ sizeBytes: 0, numObjects: 0 });
});

test.each(["日本語.jsonl", "файл 1; name=.jsonl", "🌊.jsonl", "it's 100%.jsonl"])(
  "a file may be called %s",
  async (name) => {
    const { id, filename } = await upload("{}", name);
    expect(filename).toBe(name);
    const { headers } = await client.files.content(id);
    expect(headers.get("content-disposition")).toBe(`attachment; filename*=UTF-8''${encodeURIComponent(name)}`);
    await client.files.delete(id);
  },
);

test("a body that is no form is refused", async () => {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  expect((await edge.fetch("/v1/files", { method: "POST", headers, body: "{}" })).status).toBe(415);
  const cut = { ...headers, "content-type": "multipart/form-data; boundary=x" };
  const body = '--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n{}';
  expect((await edge.fetch("/v1/files", { method: "POST", headers: cut, body })).status).toBe(400);
  expect(await stored()).toEqual({ sizeBytes: 0, numObjects: 0 });
});

test("a file beyond the bound is refused, told beforehand or not, and nothing stays", async () => {
  const content = new Uint8Array(maxFileBytes + 1);
  await expect(upload(content)).rejects.toMatchObject({ status: 413 });
  const [boundary, head] = ["x", '--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'];
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from(head));
      controller.enqueue(content);
      controller.enqueue(Buffer.from("\r\n--x--\r\n"));
      controller.close();
    },
  });
  const headers = { authorization: `Bearer ${key}`, "content-type": `multipart/form-data; boundary=${boundary}` };
  const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
  const response = await fetch(`${edge.worker.url}/v1/files`, init);
  expect(response.status).toBe(413);
  expect(await stored()).toEqual({ sizeBytes: 0, numObjects: 0 });
});

test("an organization's files are bounded together, exactly, also when they come at once", async () => {
  const content = new Uint8Array(8 * 1024 * 1024);
  const results = await Promise.allSettled([upload(content), upload(content), upload(content)]);
  const made = results.filter((result) => result.status === "fulfilled").map(({ value }) => value.id);
  expect(made).toHaveLength(2);
  const refused = results.find((result) => result.status === "rejected");
  expect(refused?.reason).toMatchObject({ status: 400, code: "request_exceeds_limit" });
  await Promise.all(made.map(async (id) => client.files.delete(id)));
  const { id } = await upload(content);
  await client.files.delete(id);
});

test("an upload whose connection breaks leaves nothing", async () => {
  const { hostname, port } = new URL(edge.worker.url);
  const socket = connect(Number(port), hostname);
  await new Promise((settle) => socket.once("connect", settle));
  socket.on("error", () => undefined);
  socket.write(
    `POST /v1/files HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${key}\r\ncontent-length: 12000000\r\n` +
      `content-type: multipart/form-data; boundary=x\r\n\r\n` +
      `--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n`,
  );
  socket.write(new Uint8Array(7_000_000));
  await vi.waitFor(async () => expect((await stored()).sizeBytes).toBe(12_000_000), 10_000);
  socket.destroy();
  await vi.waitFor(async () => expect(await stored()).toEqual({ sizeBytes: 0, numObjects: 0 }), 20_000);
});

test("only who may compute may store", async () => {
  const reader = (await edge.createKey({ scopes: ["usage.read"] })).value;
  await expect(clientOf(reader).files.list()).rejects.toMatchObject({ status: 403 });
  await expect(clientOf(`${key}x`).files.list()).rejects.toMatchObject({ status: 401 });
  const response = await edge.fetch("/v1/files", { method: "PUT", headers: { authorization: `Bearer ${key}` } });
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, POST"]);
});
