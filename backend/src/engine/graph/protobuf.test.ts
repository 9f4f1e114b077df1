import { expect, test } from "vitest";
import { ProtoMessage } from "./protobuf.ts";

// Expected bytes are those of protobuf.dev, "Encoding", or follow from it.
test.each([
  ["a small number", new ProtoMessage().int(1, 150), "08 96 01"],
  ["a negative number", new ProtoMessage().int(1, -1), "08 ff ff ff ff ff ff ff ff ff 01"],
  ["a number past 32 bits", new ProtoMessage().int(1, 2 ** 40), "08 80 80 80 80 80 20"],
  ["a float", new ProtoMessage().float(2, 1), "15 00 00 80 3f"],
  ["a string", new ProtoMessage().string(2, "testing"), "12 07 74 65 73 74 69 6e 67"],
  ["a nested message", new ProtoMessage().message(3, new ProtoMessage().int(1, 150)), "1a 03 08 96 01"],
  ["a field number past 15", new ProtoMessage().int(20, 1), "a0 01 01"],
])("encodes %s", (_, message, expected) => {
  expect(
    Buffer.from(message.encode())
      .toString("hex")
      .replaceAll(/..(?!$)/g, "$& "),
  ).toBe(expected);
});
