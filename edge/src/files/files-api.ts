// `/v1/files`, in the shapes of OpenAI's API. Whoever gets here was admitted; what belongs to other projects is not there.
import { AppError } from "@sluice/shared/errors.ts";
import type { DeletedFile, FileList } from "@sluice/shared/openai/file.ts";
import { fileListQuerySchema } from "@sluice/shared/openai/file-requests.ts";
import { type Handler, Hono } from "hono";
import { toListPage } from "#edge/admin/page.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { readQuery } from "#edge/admin/read-query.ts";
import type { EdgeContext } from "#edge/context.ts";
import { refuseMethod } from "#edge/middleware/refuse.ts";
import { fileToWire, type FileRecord } from "./file-record.ts";
import { receiveFile, type ReceiveParts } from "./receive-file.ts";

/** After that the sweep takes what is left of a deletion that died. */
const deletionMs = 60_000;

type OneFile = "/:id";

export function filesApi(parts: ReceiveParts): Hono<EdgeContext> {
  const app = new Hono<EdgeContext>();
  app.post("/", receiveFile(parts)).get(listFiles(parts)).all(refuseMethod("GET", "POST"));
  app.get("/:id", retrieveFile(parts)).delete(deleteFile(parts)).all(refuseMethod("GET", "DELETE"));
  app.get("/:id/content", retrieveContent(parts)).all(refuseMethod("GET"));
  return app;
}

function listFiles({ files, now }: ReceiveParts): Handler<EdgeContext> {
  return async (c) => {
    const page = parseRequest(fileListQuerySchema, readQuery(c.req.url));
    const found = await files.directory.list(c.get("principal"), page, now());
    const { first_id, last_id, ...list } = toListPage(found, page, fileToWire);
    // OpenAI's schema has them always as text.
    return c.json({ ...list, first_id: first_id ?? "", last_id: last_id ?? "" } satisfies FileList);
  };
}

function retrieveFile({ files, now }: ReceiveParts): Handler<EdgeContext, OneFile> {
  return async (c) => {
    const { projectId } = c.get("principal");
    return c.json(fileToWire(await found(files.directory.find(projectId, c.req.param("id"), now()))));
  };
}

function deleteFile({ files, sweeps, now }: ReceiveParts): Handler<EdgeContext, OneFile> {
  return async (c) => {
    const id = c.req.param("id");
    await sweeps.expect(now() + deletionMs);
    if (!(await files.delete(c.get("principal").projectId, id))) throw noSuchFile();
    return c.json({ id, object: "file", deleted: true } satisfies DeletedFile);
  };
}

/** The bytes as they came, or the one range of them that `Range` asks for. */
function retrieveContent({ files, now }: ReceiveParts): Handler<EdgeContext, "/:id/content"> {
  return async (c) => {
    const { projectId } = c.get("principal");
    const file = await found(files.directory.find(projectId, c.req.param("id"), now()));
    // A caller that has an older file than this one in mind wants all of it, and nobody was told which one it is.
    const asked = c.req.header("if-range") === undefined ? c.req.header("range") : undefined;
    const range = rangeOf(asked, file.sizeBytes);
    if (range === "unsatisfiable") {
      c.header("content-range", `bytes */${file.sizeBytes}`);
      throw new AppError("range_not_satisfiable");
    }
    const object = await found(files.read(file, range));
    const headers = new Headers({
      "accept-ranges": "bytes",
      "content-type": "application/octet-stream",
      "content-length": String(range?.length ?? file.sizeBytes),
      "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(file.filename.toWellFormed())}`,
    });
    if (range === undefined) return new Response(object.body, { headers });
    const last = range.offset + range.length - 1;
    headers.set("content-range", `bytes ${range.offset}-${last}/${file.sizeBytes}`);
    return new Response(object.body, { status: 206, headers });
  };
}

interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Absent: the whole file, also where the header asks for several ranges or is malformed. Source: RFC 9110, 14.1.2 and 14.2. */
function rangeOf(header: string | undefined, sizeBytes: number): ByteRange | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/i.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  const offset = first === "" ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? sizeBytes : Math.min(sizeBytes, Number(last) + 1);
  return offset < end ? { offset, length: end - offset } : "unsatisfiable";
}

async function found<Value extends FileRecord | R2ObjectBody>(finding: Promise<Value | undefined>): Promise<Value> {
  const value = await finding;
  if (value === undefined) throw noSuchFile();
  return value;
}

function noSuchFile(): AppError {
  return new AppError("not_found", { param: "file_id", publicText: "There is no such file." });
}
