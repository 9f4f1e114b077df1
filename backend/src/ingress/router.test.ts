import { expect, test } from "vitest";
import { matchRoute } from "./router.ts";

test.each([
  ["POST", "/v1/chat/completions?x=1", { kind: "found", name: "chat" }],
  ["POST", "/v1/completions", { kind: "found", name: "completions" }],
  ["GET", "/v1/models", { kind: "found", name: "models" }],
  ["GET", "/v1/models/a/b", { kind: "found", name: "model", id: "a/b" }],
  ["GET", "/v1/models/a%2Fb", { kind: "found", name: "model", id: "a/b" }],
  ["GET", "/health", { kind: "found", name: "health" }],
  ["GET", "/v1/completions", { kind: "method_not_allowed", allow: "POST" }],
  ["DELETE", "/v1/models/a", { kind: "method_not_allowed", allow: "GET" }],
  ["GET", "/v1/models/", { kind: "not_found" }],
  ["GET", "/v1/models/%", { kind: "not_found" }],
  ["GET", "/constructor", { kind: "not_found" }],
  ["GET", "", { kind: "not_found" }],
])("%s %s", (method, url, expected) => {
  expect(matchRoute(method, url)).toEqual(expected);
});
