import { expect, test } from "vitest";
import { parseJsonObject } from "./parse-json-object.ts";

const encoder = new TextEncoder();

test("bytes that are no UTF-8 are refused, and leave no trace on what comes after", () => {
  const truncated = encoder.encode('{"a": "é').slice(0, -1);
  expect(() => parseJsonObject(truncated)).toThrow(expect.objectContaining({ code: "invalid_json" }));
  expect(parseJsonObject(encoder.encode('{"a": "é"}'))).toEqual({ a: "é" });
});

test.each(["[1]", "null", '"a"', "", "{", `{"a":${"[".repeat(64)}${"]".repeat(64)}}`])("%j is refused", (text) => {
  expect(() => parseJsonObject(encoder.encode(text))).toThrow(expect.objectContaining({ code: "invalid_json" }));
});
