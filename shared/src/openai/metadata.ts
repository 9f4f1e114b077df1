import * as z from "zod/mini";

const maxPairs = 16;
const maxNameLength = 64;
const maxTextLength = 512;

const pairs = z.record(z.string().check(z.maxLength(maxNameLength)), z.string().check(z.maxLength(maxTextLength)));

const isSmallRecord = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length <= maxPairs;

/** A caller's own notes on what it asks for: name -> text. Source: OpenAI API reference, Metadata. */
export const metadataSchema = z.pipe(
  z.unknown().check(z.refine(isSmallRecord, { error: `expected an object of at most ${maxPairs} texts` })),
  pairs,
);

export type Metadata = z.infer<typeof metadataSchema>;
