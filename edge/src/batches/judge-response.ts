// What becomes of a line after its response: whether it stands, or the line runs again.
import { errorTable, type ErrorCode } from "@sluice/shared/errors.ts";
import * as z from "zod/mini";
import type { JsonObject } from "#edge/body/parse-json-object.ts";
import type { LineResponse } from "./line-runner.ts";

export type LineVerdict =
  /** The response is the line's answer. */
  | { readonly kind: "stands"; readonly isGood: boolean }
  /** The time has not come, for this line or any other: a limit, or regions that are full. */
  | { readonly kind: "wait"; readonly afterMs: number | undefined }
  /** It failed, and may not the next time. */
  | { readonly kind: "retry" }
  /** What holds for every line of the batch: the key may not any more, or the model is not there. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

const waits: ReadonlySet<number> = new Set([429, 503]);
const failures: ReadonlySet<number> = new Set([408, 500, 502, 504]);
/** Of an admission: the key is at fault, not the line. */
const denials: ReadonlySet<number> = new Set([401, 403]);
/** Of the model, which is the same in all lines. */
const unknownModel = 404;

export function judgeResponse({ status, body, retryAfterMs, settlement }: LineResponse): LineVerdict {
  if (waits.has(status)) return { kind: "wait", afterMs: retryAfterMs };
  if (failures.has(status)) return { kind: "retry" };
  const isDenied = settlement === undefined && denials.has(status);
  if (isDenied || status === unknownModel) return { kind: "refused", ...errorIn(body) };
  return { kind: "stands", isGood: status >= 200 && status < 300 };
}

const fallback: ErrorCode = "permission_denied";

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

function errorIn(body: JsonObject): { readonly code: string; readonly message: string } {
  const parsed = errorSchema.safeParse(body);
  return parsed.success ? parsed.data.error : { code: fallback, message: errorTable[fallback].publicText };
}
