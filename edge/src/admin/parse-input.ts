import { AppError } from "@sluice/shared/errors.ts";
import * as z from "zod/mini";

/** What a caller gave, as the schema has it. Throws `unknown_parameter` or `invalid_value`, naming the first one at fault. */
export function parseInput<Schema extends z.core.$ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === "unrecognized_keys") {
    throw new AppError("unknown_parameter", { param: issue.keys.join(", ") });
  }
  throw new AppError("invalid_value", { param: issue?.path.join(".") ?? "" });
}
