import { status } from "@grpc/grpc-js";
import { AppError } from "@sluice/shared/errors.ts";
import { expect, test } from "vitest";
import { toStatus } from "./status.ts";

test.each([
  ["server_is_overloaded", status.RESOURCE_EXHAUSTED],
  ["unavailable", status.UNAVAILABLE],
  ["context_length_exceeded", status.INVALID_ARGUMENT],
  ["internal_error", status.INTERNAL],
] as const)("%s travels as its gRPC status, with its own code in a trailer", (code, expected) => {
  const sent = toStatus(new AppError(code, { detail: "why" }));
  expect(sent).toMatchObject({ code: expected, details: "why" });
  expect(sent.metadata.get("sluice-error-code")).toEqual([code]);
  expect(sent.metadata.get("sluice-retry-after-ms")).toEqual([]);
});

test("when to come back travels in a trailer", () => {
  const { metadata } = toStatus(new AppError("server_is_overloaded", { retryAfterMs: 1_234 }));
  expect(metadata.get("sluice-retry-after-ms")).toEqual(["1234"]);
});
