import { expect, test } from "vitest";
import { encodeBase32 } from "./base32.ts";

test.each([
  { bytes: [], text: "" },
  { bytes: [0], text: "00" },
  { bytes: [255], text: "zw" },
  { bytes: [0b00001_000, 0b10_00011_0, 0b0100_0010, 0b1_00110_00, 0b111_01000], text: "12345678" },
  { bytes: [255, 255, 255, 255, 255], text: "zzzzzzzz" },
])("$bytes is $text", ({ bytes, text }) => {
  expect(encodeBase32(Uint8Array.from(bytes))).toBe(text);
});
