// What the running edge says of itself at /openapi.json, to hold its clients' requests and its own answers against.
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

interface Content {
  readonly [type: string]: { readonly schema: { readonly $ref: string } };
}

interface Operation {
  readonly requestBody?: { readonly content: Content };
  readonly responses: { readonly 200: { readonly content: Content } };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** @throws Error that names what is wrong when `body` is not as documented. */
export type AssertDocumented = (
  method: string,
  path: string,
  part: "request" | "answer" | "event",
  body: unknown,
) => void;

/** `path` is whole, such as `/v1/models/pocket`. */
export async function fetchDocument(origin: string): Promise<AssertDocumented> {
  const document = (await (await fetch(`${origin}/openapi.json`)).json()) as Document;
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ ...document, $id: "openapi" });
  return (method, path, part, body) => {
    const $ref = schemaOf(find(document, method, path), part);
    const validate = ajv.getSchema(`openapi${$ref}`) as ValidateFunction;
    if (validate(body)) return;
    throw new Error(`Not as documented in ${$ref}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(body)}`);
  };
}

function find({ paths }: Document, method: string, path: string): Operation {
  const template = Object.keys(paths).find((one) => new RegExp(`^${one.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path));
  const operation = template === undefined ? undefined : paths[template]?.[method.toLowerCase()];
  if (operation === undefined) throw new Error(`${method} ${path} is not documented.`);
  return operation;
}

function schemaOf({ requestBody, responses }: Operation, part: "request" | "answer" | "event"): string {
  const content = part === "request" ? requestBody?.content : responses[200].content;
  const type = part === "event" ? "text/event-stream" : "application/json";
  const $ref = (content?.[type] ?? content?.["multipart/form-data"])?.schema.$ref;
  if ($ref === undefined) throw new Error(`The ${part} is not documented.`);
  return $ref;
}
