// A ts-proto generic service definition as @grpc/grpc-js wants it, for servers and clients alike: the proto stays the
// only description of the service, and no descriptor is parsed at run time.
import type { handleServerStreamingCall, handleUnaryCall, MethodDefinition } from "@grpc/grpc-js";

interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
}

interface GenericMethod {
  readonly name: string;
  readonly requestType: Codec<unknown>;
  readonly requestStream: false;
  readonly responseType: Codec<unknown>;
  readonly responseStream: boolean;
}

/** What ts-proto writes with `outputServices=generic-definitions`. Methods that stream requests are not served here. */
export interface GenericService {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, GenericMethod>>;
}

type MessageOf<C> = C extends { decode(bytes: Uint8Array): infer Message } ? Message : never;
type RequestOf<M extends GenericMethod> = MessageOf<M["requestType"]>;
type ResponseOf<M extends GenericMethod> = MessageOf<M["responseType"]>;

/** method -> how grpc-js moves it. */
export type GrpcServiceDefinition<S extends GenericService> = {
  readonly [K in keyof S["methods"]]: MethodDefinition<RequestOf<S["methods"][K]>, ResponseOf<S["methods"][K]>>;
};

/** method -> the function a server runs for it. */
export type GrpcHandlers<S extends GenericService> = {
  readonly [K in keyof S["methods"]]: S["methods"][K]["responseStream"] extends true
    ? handleServerStreamingCall<RequestOf<S["methods"][K]>, ResponseOf<S["methods"][K]>>
    : handleUnaryCall<RequestOf<S["methods"][K]>, ResponseOf<S["methods"][K]>>;
};

/** Pure; the same definition serves `Server.addService` and `Client.makeUnaryRequest` / `makeServerStreamRequest`. */
export function toServiceDefinition<S extends GenericService>(service: S): GrpcServiceDefinition<S> {
  const methods = Object.entries(service.methods).map(([key, method]) => [key, toMethodDefinition(service, method)]);
  return Object.fromEntries(methods) as GrpcServiceDefinition<S>;
}

function toMethodDefinition(service: GenericService, method: GenericMethod): MethodDefinition<unknown, unknown> {
  return {
    path: `/${service.fullName}/${method.name}`,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: (message) => toBuffer(method.requestType.encode(message).finish()),
    requestDeserialize: (bytes) => method.requestType.decode(bytes),
    responseSerialize: (message) => toBuffer(method.responseType.encode(message).finish()),
    responseDeserialize: (bytes) => method.responseType.decode(bytes),
  };
}

/** The same bytes under the type grpc-js asks for. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
