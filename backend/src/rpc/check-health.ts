import type { Client } from "@grpc/grpc-js";

/** The overall status, out of `grpc.health.v1.Health`: HealthCheckResponse has one field, an enum. */
export function checkHealth(client: Client): Promise<string | undefined> {
  const path = "/grpc.health.v1.Health/Check";
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      encodeEmpty,
      (bytes) => bytes[1] ?? 0,
      {},
      (error, value) => {
        if (error === null) resolve(["UNKNOWN", "SERVING", "NOT_SERVING"][value ?? 0]);
        else reject(error);
      },
    );
  });
}

function encodeEmpty(): Buffer {
  return Buffer.alloc(0);
}
