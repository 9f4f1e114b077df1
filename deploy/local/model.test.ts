import { createServer, type Server } from "node:http";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveModel } from "./model.ts";
import type { Progress } from "./progress.ts";

// file -> content, as a small Hub would hold them
const files = new Map([
  ["config.json", '{"model_type":"llama"}'],
  ["tokenizer.json", "{}"],
  ["model.safetensors", "weights ".repeat(1_000)],
  ["1_Pooling/config.json", '{"pooling_mode_lasttoken":true}'],
  ["onnx/model.safetensors", "not wanted"],
  ["README.md", "not wanted"],
]);

let stateDir: string;
let shown: string[];
const progress: Progress = { update: (text) => shown.push(text), done: (text) => shown.push(text) };

beforeEach(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), "sluice-model-"));
  shown = [];
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

describe("a directory", () => {
  it("is served as it is, under its own name", async () => {
    const directory = path.join(stateDir, "my-model");
    await mkdir(directory);
    for (const name of ["config.json", "tokenizer.json"])
      await writeFile(path.join(directory, name), files.get(name) ?? "");
    expect(await resolveModel(directory, stateDir, progress)).toEqual({ directory, name: "my-model" });
  });

  it("is refused when it is no checkpoint, naming what is missing", async () => {
    await expect(resolveModel(stateDir, stateDir, progress)).rejects.toThrow("it has no config.json");
  });

  it("that does not exist is refused with what may be said instead", async () => {
    await expect(resolveModel("./no/such/dir", stateDir, progress)).rejects.toThrow("neither a directory nor a Hub id");
  });
});

describe("a Hub id", () => {
  let hub: Server;
  let hubUrl: string;
  let requested: string[];

  beforeEach(async () => {
    requested = [];
    hub = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://hub");
      requested.push(`${request.method} ${url.pathname}`);
      if (url.pathname.startsWith("/api/models/team/tiny/tree/main")) {
        const isListed = (name: string) => url.searchParams.get("recursive") === "true" || !name.includes("/");
        const listed = [...files].filter(([name]) => isListed(name));
        const listing = listed.map(([name, content]) => ({
          type: "file",
          path: name,
          size: content.length,
          oid: "0",
        }));
        response.setHeader("content-type", "application/json").end(JSON.stringify(listing));
        return;
      }
      const content = files.get(url.pathname.replace("/team/tiny/resolve/main/", ""));
      if (content === undefined) {
        response.writeHead(404, { "content-type": "application/json" }).end('{"error":"Repository not found"}');
        return;
      }
      const [, first, last] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
      const body = first === undefined ? content : content.slice(Number(first), last ? Number(last) + 1 : undefined);
      response.writeHead(first === undefined ? 200 : 206, {
        etag: '"1"',
        "content-length": body.length,
        "content-range": `bytes ${first ?? 0}-${Number(first ?? 0) + body.length - 1}/${content.length}`,
      });
      response.end(request.method === "HEAD" ? undefined : body);
    });
    await new Promise<void>((resolve) => hub.listen(0, "127.0.0.1", resolve));
    hubUrl = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
  });
  afterEach(() => new Promise((resolve) => hub.close(resolve)));

  it("is downloaded once, with progress, without what is not needed", async () => {
    const model = await resolveModel("team/tiny", stateDir, progress, hubUrl);
    expect(model.name).toBe("team/tiny");
    expect((await readdir(model.directory)).toSorted()).toEqual([
      ".complete",
      "1_Pooling",
      "config.json",
      "model.safetensors",
      "tokenizer.json",
    ]);
    expect(await readFile(path.join(model.directory, "model.safetensors"), "utf8")).toBe(
      files.get("model.safetensors"),
    );
    expect(await readdir(path.join(model.directory, "1_Pooling"))).toEqual(["config.json"]);
    expect(shown.some((text) => text.includes("model.safetensors 100 %"))).toBe(true);

    requested.length = 0;
    await resolveModel("team/tiny", stateDir, progress, hubUrl);
    expect(requested.filter((line) => line.includes("/resolve/"))).toEqual([]);
  });

  it("is served without the Hub once it is there", async () => {
    const { directory } = await resolveModel("team/tiny", stateDir, progress, hubUrl);
    await expect(resolveModel("team/tiny", stateDir, progress, "http://127.0.0.1:9")).resolves.toMatchObject({
      directory,
    });
  });

  it("that the Hub does not have is refused, naming it", async () => {
    await expect(resolveModel("team/missing", stateDir, progress, hubUrl)).rejects.toThrow(
      "Could not download team/missing",
    );
  });
});
