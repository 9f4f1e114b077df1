import * as z from "zod/mini";

export interface LogitBias {
  readonly tokenId: number;
  /** In [-100, 100]. */
  readonly bias: number;
}

/** OpenAI says no limit. Each entry costs some work at every token of the answer. */
const maxEntries = 1024;
const largestBias = 100;
const expected = `expected an object of at most ${maxEntries} token ids, each with a bias from -${largestBias} to ${largestBias}`;
const tokenIdPattern = /^(?:0|[1-9]\d{0,8})$/;

/** token id, as JSON's keys are -> bias. Whether the model has these tokens is not known here. */
export const logitBiasSchema = z.pipe(
  z.unknown().check(z.refine(isLogitBias, { error: expected })),
  z.transform((value): readonly LogitBias[] => entriesOf(value).map(([id, bias]) => ({ tokenId: Number(id), bias }))),
);

// Written out, because a record's schema makes one issue for each of a million wrong entries.
function isLogitBias(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const entries = entriesOf(value);
  return entries.length <= maxEntries && entries.every(([id, bias]) => tokenIdPattern.test(id) && isBias(bias));
}

function isBias(bias: unknown): boolean {
  return typeof bias === "number" && Math.abs(bias) <= largestBias;
}

function entriesOf(value: unknown): [string, number][] {
  return Object.entries(value as Record<string, number>);
}
