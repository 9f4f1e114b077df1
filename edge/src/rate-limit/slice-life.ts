/**
 * How long a gate may spend what a ledger handed out, from when it asked. Long enough that a busy gate asks rarely, short enough
 * that what an idle one holds is soon back.
 */
export const sliceLifeMs = 5_000;
