// Request bodies and queries in, facts or an OpenAI-shaped refusal out. The wording follows OpenAI's own refusals, which clients and
// people already know; no value of the caller's ever appears in it, only parameter names.
import type * as z from "zod/mini";
import { AppError } from "../errors.ts";
import { expectation } from "./expectation.ts";
import { isUnsupportedMark, type UnsupportedMark } from "./unsupported.ts";
import { isVerbatim } from "./verbatim.ts";

type Issue = z.core.$ZodIssue;

const maxNameLength = 64;

/** Parses a decoded JSON body, or the fields of a query. Throws an AppError that names the first parameter at fault. */
export function parseRequest<Schema extends z.ZodMiniType>(schema: Schema, body: unknown): z.output<Schema> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new AppError("invalid_value", { publicText: "The request body must be a JSON object." });
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw issue === undefined ? new AppError("invalid_value") : refusal(deepest(issue), body);
}

/** A union's issue says only that no branch matched: follows the branch that got furthest, if one got anywhere. */
function deepest(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const firsts = issue.errors.map((branch) => branch[0]).filter((inner) => inner !== undefined);
  const further = firsts.find((inner) => inner.path.length > 0 || isUnsupported(inner));
  return further === undefined ? issue : deepest({ ...further, path: [...issue.path, ...further.path] });
}

function refusal(issue: Issue, body: object): AppError {
  if (issue.code === "unrecognized_keys") {
    const param = paramOf([...issue.path, issue.keys[0] ?? ""]);
    return new AppError("unknown_parameter", { param, publicText: `Unknown parameter: '${param}'.` });
  }
  const param = paramOf(issue.path);
  if (valueAt(body, issue.path) === undefined) {
    return new AppError("missing_required_parameter", {
      param,
      publicText: `Missing required parameter: '${param}'.`,
    });
  }
  if (isUnsupported(issue)) {
    const { scope, instead } = issue.params;
    return new AppError("unsupported_parameter", {
      param,
      publicText: [`Unsupported parameter: '${param}' is not supported ${scope}.`, instead].filter(Boolean).join(" "),
    });
  }
  if (issue.code === "custom" && isVerbatim(issue.params)) {
    return new AppError("invalid_value", { param, publicText: issue.message });
  }
  return new AppError("invalid_value", { param, publicText: `Invalid '${param}': ${expectation(issue)}.` });
}

function isUnsupported(issue: Issue): issue is Issue & { readonly params: UnsupportedMark } {
  return issue.code === "custom" && isUnsupportedMark(issue.params);
}

/** `["messages", 0, "content"]` as `messages[0].content`. */
function paramOf(path: readonly PropertyKey[]): string {
  let param = "";
  for (const step of path) {
    if (typeof step === "number") param += `[${step}]`;
    else param += (param === "" ? "" : ".") + String(step).slice(0, maxNameLength);
  }
  return param;
}

function valueAt(body: object, path: readonly PropertyKey[]): unknown {
  let value: unknown = body;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}
