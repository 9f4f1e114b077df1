import type * as z from "zod/mini";

export interface Named {
  /** Unique; where the schema stands in `components/schemas`. */
  readonly name: string;
  readonly schema: z.core.$ZodType;
}

export interface Operation {
  readonly method: "get" | "post" | "delete";
  /** With parameters in braces, as OpenAPI has them. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  /** An object schema of the query parameters. */
  readonly query?: z.core.$ZodType;
  readonly request?: Named;
  /** Of the request's body; JSON when absent. */
  readonly requestType?: "multipart/form-data";
  /** Absent: bytes, as they were given. */
  readonly answer?: Named;
  /** One server-sent event of the answer, where the request may ask for a stream. */
  readonly event?: Named;
}
