// One limit and what was used of it, twice: as memory knows it, and as storage would tell it to a gate that woke up without
// that memory.
//
// Storage may only ever tell too much. Before a charge leaves memory's reach it must be covered: the stored debt, refilled
// to now, is at least the live one. A write therefore goes ahead of what was charged by some more units, and those that
// come next need no write of their own. What a crash costs is at most what was written ahead, and it costs the caller, never
// the limit.
import * as z from "zod/mini";
import type { MeterName } from "./limits.ts";

export const storedMeterSchema = z.object({
  debt: z.int(),
  atMs: z.int(),
  /** requestId -> what of the debt may still be given back. */
  unsettled: z.record(z.string(), z.int()),
});

export type StoredMeter = Readonly<z.infer<typeof storedMeterSchema>>;

/** A reservation that ended. */
export interface Settlement {
  readonly requestId: string;
  readonly reserved: number;
  readonly used: number;
  readonly reservedAtMs: number;
}

export interface Meter {
  readonly name: MeterName;
  readonly limit: number;
  /** Whole units that could be taken now. */
  remaining(nowMs: number): number;
  /** Milliseconds until `cost` fits, if nobody else takes any; 0 is now, undefined is never. */
  untilFitsMs(cost: number, nowMs: number): number | undefined;
  untilFullMs(nowMs: number): number;
  /** Takes units for good. */
  charge(cost: number, nowMs: number): void;
  /** Takes units until they are settled; again for the same request takes more for it. */
  reserve(requestId: string, cost: number, nowMs: number): void;
  settle(settlement: Settlement, nowMs: number): void;
  isCovered(nowMs: number): boolean;
  /** What to write; the meter takes it for stored from now on. With `ahead`, the next charges are covered too. */
  toStored(ahead: boolean, nowMs: number): StoredMeter;
}
