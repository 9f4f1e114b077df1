import { batchListQuerySchema, batchRequestSchema } from "../../src/openai/batch-request.ts";
import { batch, batchList } from "../answers/batch.ts";
import type { Named, Operation } from "./operation.ts";

const tag = "Batches";
const answer: Named = { name: "Batch", schema: batch };

export const batchOperations: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/batches",
    tag,
    summary: "Run the requests of a file",
    request: { name: "BatchRequest", schema: batchRequestSchema },
    answer,
  },
  {
    method: "get",
    path: "/v1/batches",
    tag,
    summary: "List the batches",
    query: batchListQuerySchema,
    answer: { name: "BatchList", schema: batchList },
  },
  { method: "get", path: "/v1/batches/{id}", tag, summary: "Tell how a batch is coming along", answer },
  { method: "post", path: "/v1/batches/{id}/cancel", tag, summary: "Stop a batch; what was answered stays", answer },
];
