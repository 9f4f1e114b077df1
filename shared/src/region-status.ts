// What a region says of itself at `GET /status`, polled by the edge's RegionBoard.
import * as z from "zod/mini";

export const regionStatusSchema = z.object({
  region: z.string(),
  /** `ok` serves, `draining` finishes what runs, `down` has no engine that answers. */
  status: z.enum(["ok", "draining", "down"]),
  models: z.array(z.string()),
  numRunning: z.int(),
  numWaiting: z.int(),
  /** Prompt tokens admitted but not yet computed, over all engines. */
  numQueuedTokens: z.int(),
  /** What the region expects a new request to wait before its prompt is computed, in ms. Absent: it cannot say. */
  queueDelayMs: z.optional(z.number()),
});

export type RegionStatus = z.infer<typeof regionStatusSchema>;
