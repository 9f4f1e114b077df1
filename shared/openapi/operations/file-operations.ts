import * as z from "zod/mini";
import { fileFieldsSchema, fileListQuerySchema } from "../../src/openai/file-requests.ts";
import { deletedFile, file, fileList } from "../answers/file.ts";
import type { Named, Operation } from "./operation.ts";

const tag = "Files";
const answer: Named = { name: "File", schema: file };

export const fileOperations: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/files",
    tag,
    summary: "Upload a file",
    request: { name: "FileRequest", schema: z.extend(fileFieldsSchema, { file: z.file() }) },
    requestType: "multipart/form-data",
    answer,
  },
  {
    method: "get",
    path: "/v1/files",
    tag,
    summary: "List the files",
    query: fileListQuerySchema,
    answer: { name: "FileList", schema: fileList },
  },
  { method: "get", path: "/v1/files/{id}", tag, summary: "Describe a file", answer },
  {
    method: "delete",
    path: "/v1/files/{id}",
    tag,
    summary: "Delete a file",
    answer: { name: "DeletedFile", schema: deletedFile },
  },
  { method: "get", path: "/v1/files/{id}/content", tag, summary: "Have the bytes of a file, or a range of them" },
];
