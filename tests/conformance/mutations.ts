// Good requests made bad: a value replaced, dropped or added anywhere in a body, or the text itself damaged.
import * as fc from "fast-check";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Nothing here asks for a long answer: what is not refused must be quick as well. */
const values = fc.oneof(
  fc.constantFrom<Json>(
    null,
    true,
    "",
    "auto",
    "\u0000",
    "\uD800",
    "\u202Eabc",
    "-1",
    "none",
    "__proto__",
    [],
    {},
    [[]],
    [null],
    [{}],
    0,
    -0.5,
    -1,
    2,
    1e-320,
    1e300,
    2 ** 31,
    2 ** 53,
    -(2 ** 63),
    "x".repeat(5_000),
    { type: "text", text: "x" },
    { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
    { type: "json_schema", json_schema: { name: "x", schema: { type: "object", properties: { a: { $ref: "#" } } } } },
    { type: "json_schema", json_schema: { name: "x", schema: { not: {} } } },
    { type: "function", function: { name: "f" } },
    nested(40),
  ),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
);

const knownNames = [
  "__proto__", "constructor", "toString", "", "n", "stop", "stream", "tools", "tool_choice", "response_format", "logprobs",
  "top_logprobs", "logit_bias", "seed", "temperature", "metadata", "stream_options", "echo", "best_of", "suffix", "functions", "function_call",
  "role", "content", "type", "name", "guided_regex", "guided_choice", "guided_json", "structured_outputs", "min_tokens",
  "stop_token_ids", "priority", "service_tier", "store", "audio", "prediction", "reasoning_effort", "dimensions", "input",
] as const; // prettier-ignore

const names = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...knownNames) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);

type Change = (body: Json) => Json;

/** Where in a body, of 0 to 1: even, which fast-check's own choice is not. */
const place = fc.noBias(fc.nat(9_999)).map((at) => at / 10_000);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(place, values).map(
    ([at, value]): Change =>
      (body) =>
        replaceAt(body, at, () => value),
  ),
  fc.tuple(place, names, values).map(
    ([at, name, value]): Change =>
      (body) =>
        replaceAt(body, at, add(name, value)),
  ),
  place.map(
    (at): Change =>
      (body) =>
        replaceAt(body, at, () => undefined),
  ),
  fc.tuple(names, values).map(([name, value]): Change => add(name, value)),
);

/** A body's text after one to three changes, and now and then a damage. */
export function mutated(bodies: readonly Json[]): fc.Arbitrary<string> {
  const changed = fc
    .tuple(fc.constantFrom(...bodies), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([body, changes]) => JSON.stringify(changes.reduce((changing, next) => next(changing), body)));
  const damaged = fc
    .tuple(changed, place, fc.constantFrom("", "{", '"', "\\u", "\u0000", ",", "1e999", "NaN", "//"))
    .map(([text, at, junk]) => text.slice(0, Math.floor(at * text.length)) + junk);
  return fc.oneof({ weight: 9, arbitrary: changed }, { weight: 1, arbitrary: damaged });
}

function add(name: string, value: Json): Change {
  // Not by assignment: `__proto__` must become a member.
  return (into) => (isRecord(into) ? Object.fromEntries([...Object.entries(into), [name, value]]) : value);
}

/** Replaces the `at`-th part of all parts of `body` but itself; undefined removes it. */
function replaceAt(body: Json, at: number, replacement: (part: Json) => Json | undefined): Json {
  let left = Math.floor(at * countParts(body));
  const next = (part: Json): Json | undefined => (left-- === 0 ? replacement(part) : visit(part));
  const visit = (part: Json): Json => {
    if (Array.isArray(part)) return part.map(next).filter((item: Json | undefined) => item !== undefined);
    if (!isRecord(part)) return part;
    const members = Object.entries(part).map(([name, value]) => [name, next(value)] as const);
    return Object.fromEntries(members.filter((member): member is [string, Json] => member[1] !== undefined));
  };
  return visit(body);
}

function countParts(body: Json): number {
  if (typeof body !== "object" || body === null) return 0;
  const parts: readonly Json[] = Array.isArray(body) ? body : Object.values(body);
  return parts.reduce((sum: number, part) => sum + 1 + countParts(part), 0);
}

function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nested(depth: number): Json {
  return depth === 0 ? 1 : { a: nested(depth - 1) };
}
