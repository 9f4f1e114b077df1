// Functions as they were asked for before there were tools: at most one is called in an answer.
// Source: OpenAI API reference, "functions" and "function_call", both deprecated.
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { functionFields, functionName, maxTools } from "./tools.ts";

/** Instead of `tools` and `tool_choice`, never beside them. */
export const oldFunctionFields = {
  functions: z.nullish(boundedArray(z.strictObject(functionFields), 0, maxTools)),
  /** `auto` when there are functions, else `none`. */
  function_call: z.nullish(z.union([z.enum(["none", "auto"]), z.strictObject({ name: functionName })])),
};
