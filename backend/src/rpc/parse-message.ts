import { AppError } from "@sluice/shared/errors.ts";
import type * as z from "zod";

/** A message's facts. @throws AppError `invalid_value` with the field's name. */
export function parseMessage<Schema extends z.ZodType>(schema: Schema, message: unknown): z.output<Schema> {
  const result = schema.safeParse(message);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const param = issue?.path.join(".") ?? "";
  throw new AppError("invalid_value", { param, detail: `${param}: ${issue?.message}` });
}
