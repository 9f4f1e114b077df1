import * as z from "zod/mini";
import { type ErrorCode, type ErrorObject, errorTable, errorTypes } from "../../src/errors.ts";
import { answerOf } from "./answer-of.ts";

const codes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]];

export const errorObject = answerOf<ErrorObject>()(
  z.strictObject({
    message: z.string(),
    type: z.enum(errorTypes),
    param: z.nullable(z.string()),
    code: z.enum(codes),
  }),
);

export const errorBody = z.strictObject({ error: errorObject });
