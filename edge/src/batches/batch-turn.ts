import * as z from "zod/mini";

/** What travels through the queue of batches: that a batch may work for a while. */
export const batchTurnSchema = z.object({
  orgId: z.string(),
  projectId: z.string(),
  batchId: z.string(),
  turn: z.int(),
});

export type BatchTurn = Readonly<z.infer<typeof batchTurnSchema>>;
