// Exits 0 when the engine of this container serves, 1 when it does not: for a container's health check.
import { Client, credentials } from "@grpc/grpc-js";
import { service } from "grpc-health-check";
import { loadConfig } from "./config.ts";

const timeoutMs = 2_000;

const { Check } = service;
if (Check === undefined) throw new Error("grpc.health.v1.Health has no Check");
const client = new Client(`127.0.0.1:${loadConfig().port}`, credentials.createInsecure());
client.makeUnaryRequest<object, object>(
  Check.path,
  Check.requestSerialize,
  Check.responseDeserialize,
  { service: "" },
  { deadline: Date.now() + timeoutMs },
  (error, reply) => {
    const serving = error === null && reply !== undefined && "status" in reply && reply.status === "SERVING";
    process.exit(serving ? 0 : 1);
  },
);
