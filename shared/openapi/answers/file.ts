import * as z from "zod/mini";
import type { DeletedFile, FileList, FileObject } from "../../src/openai/file.ts";
import { answerOf } from "./answer-of.ts";

export const file = answerOf<FileObject>()(
  z.strictObject({
    id: z.string(),
    object: z.literal("file"),
    bytes: z.int(),
    created_at: z.int(),
    expires_at: z.int(),
    filename: z.string(),
    purpose: z.enum(["batch", "batch_output"]),
    status: z.literal("processed"),
  }),
);

export const fileList = answerOf<FileList>()(
  z.strictObject({
    object: z.literal("list"),
    data: z.array(file),
    first_id: z.string(),
    last_id: z.string(),
    has_more: z.boolean(),
  }),
);

export const deletedFile = answerOf<DeletedFile>()(
  z.strictObject({ id: z.string(), object: z.literal("file"), deleted: z.literal(true) }),
);
