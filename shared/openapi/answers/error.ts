import * as z from "zod/mini";
import { type ErrorObject, errorTable, type ErrorCode, type ErrorType } from "../../src/errors.ts";
import { answerOf } from "./answer-of.ts";

const types = [...new Set(Object.values(errorTable).map(({ type }) => type))] as [ErrorType, ...ErrorType[]];
const codes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]];

export const errorObject = answerOf<ErrorObject>()(
  z.strictObject({
    message: z.string(),
    type: z.enum(types),
    param: z.nullable(z.string()),
    code: z.enum(codes),
  }),
);

export const errorBody = z.strictObject({ error: errorObject });
