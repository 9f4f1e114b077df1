// What a region says of itself at `GET /status`, polled by the edge's RegionBoard.
import * as z from "zod/mini";
import { modelSchema } from "./openai/model.ts";

/** One engine, for whoever runs the house. Of one that is `down` the numbers are zero. */
const engineStatusSchema = z.object({
  /** As the engine names itself in its metrics and logs; its address while it was not reached. */
  id: z.string(),
  address: z.string(),
  /** As of the region. */
  status: z.enum(["ok", "draining", "down"]),
  numRunning: z.int(),
  numWaiting: z.int(),
  numQueuedTokens: z.int(),
  /** Share of the KV blocks that live sequences own; 1 is all of them. */
  kvCacheUsage: z.number(),
});

export type EngineStatus = z.infer<typeof engineStatusSchema>;

export const regionStatusSchema = z.object({
  region: z.string(),
  /** `ok` serves, `draining` finishes what runs, `down` has no engine that answers. */
  status: z.enum(["ok", "draining", "down"]),
  models: z.array(z.string()),
  /** The same, as callers are told of them. Absent: a region that does not say. */
  modelCards: z.optional(z.array(modelSchema)),
  numRunning: z.int(),
  numWaiting: z.int(),
  /** Prompt tokens admitted but not yet computed, over all engines. */
  numQueuedTokens: z.int(),
  /** What the region expects a new request to wait before its prompt is computed, in ms. Absent: it cannot say. */
  queueDelayMs: z.optional(z.number()),
  /** Absent: a region that does not say. */
  engines: z.optional(z.array(engineStatusSchema)),
});

export type RegionStatus = z.infer<typeof regionStatusSchema>;
