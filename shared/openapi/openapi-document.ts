// As much of the OpenAPI Specification 3.1.1 as our document uses.
import type { JsonSchema } from "./json-schemas.ts";

export interface Reference {
  readonly $ref: string;
}

interface MediaType {
  readonly schema: Reference | JsonSchema;
  /** Of a form: member -> how it is written, where not as text or bytes. */
  readonly encoding?: Readonly<Record<string, { readonly style: "deepObject"; readonly explode: true }>>;
}

/** Media type -> what is sent under it. */
export type Content = Readonly<Record<string, MediaType>>;

export interface ResponseObject {
  readonly description: string;
  readonly content: Content;
}

export interface ParameterObject {
  readonly name: string;
  readonly in: "path" | "query";
  readonly description?: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
}

export interface OperationObject {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly parameters?: readonly ParameterObject[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  readonly responses: Readonly<Record<string, ResponseObject | Reference>> & { readonly 200: ResponseObject };
}

export interface OpenApiDocument {
  readonly openapi: "3.1.1";
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description: string;
    readonly license: { readonly name: string; readonly identifier: string };
  };
  readonly servers: readonly { readonly url: string }[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly tags: readonly { readonly name: string }[];
  /** path -> method -> operation */
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, Readonly<Record<string, string>>>>;
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly responses: Readonly<Record<string, ResponseObject>>;
  };
}
