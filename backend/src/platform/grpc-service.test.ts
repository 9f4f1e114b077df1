import { expect, test } from "vitest";
import { toServiceDefinition } from "./grpc-service.ts";

const text = {
  encode: (message: string) => ({ finish: () => new TextEncoder().encode(`padding${message}`).subarray(7) }),
  decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
};
const service = toServiceDefinition({
  fullName: "test.v1.Echo",
  methods: {
    say: { name: "Say", requestType: text, requestStream: false, responseType: text, responseStream: false },
    repeat: { name: "Repeat", requestType: text, requestStream: false, responseType: text, responseStream: true },
  },
} as const);

test("names each method by the proto's full path", () => {
  expect(service.say).toMatchObject({ path: "/test.v1.Echo/Say", responseStream: false });
  expect(service.repeat).toMatchObject({ path: "/test.v1.Echo/Repeat", responseStream: true });
});

test("a message survives the wire, also when its bytes are a part of a larger buffer", () => {
  const bytes = service.say.requestSerialize("hello");
  expect(bytes.toString()).toBe("hello");
  expect(service.say.responseDeserialize(bytes)).toBe("hello");
});
