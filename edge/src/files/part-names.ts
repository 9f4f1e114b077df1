import type { PartInfo } from "multipasta";

export interface PartNames {
  readonly name: string;
  readonly filename: string | undefined;
}

/** As clients write them: in UTF-8, with quotes as %22. Source: HTML standard, "Multipart form data". */
const parameterPattern = /; *(name|filename)="((?:[^"\\\p{Cc}]|\\["\\])*)"/giu;

/** What a part of a form says it is. The parser reads names in the characters of HTTP's headers, up to U+00FF, and others not at all. */
export function namesOf({ name, filename, contentDisposition, headers }: PartInfo): PartNames {
  const { "content-disposition": disposition } = headers;
  if (contentDisposition !== "" || typeof disposition !== "string") return { name, filename };
  const given = [...disposition.matchAll(parameterPattern)].map(([, key = "", value = ""]) => [
    key.toLowerCase(),
    value,
  ]);
  const { name: ownName = "", filename: ownFilename }: Readonly<Record<string, string>> = Object.fromEntries(given);
  return { name: ownName, filename: ownFilename };
}
