// The public API as an OpenAPI document, made of the schemas that the service validates with.
// Source: OpenAPI Specification 3.1.1.
import { errorTable } from "../src/errors.ts";
import { errorBody } from "./answers/error.ts";
import { descriptions } from "./descriptions.ts";
import { type JsonSchema, toJsonSchema } from "./json-schemas.ts";
import type {
  Content,
  OpenApiDocument,
  OperationObject,
  ParameterObject,
  Reference,
  ResponseObject,
} from "./openapi-document.ts";
import type { Named, Operation } from "./operations/operation.ts";
import { operations } from "./operations/operations.ts";

/** Of which any endpoint may answer each. */
const errorStatuses = [...new Set(Object.values(errorTable).map(({ httpStatus }) => httpStatus))].toSorted(
  (a, b) => a - b,
);

export function openApiDocument(): OpenApiDocument {
  return {
    openapi: "3.1.1",
    info: {
      title: "Sluice",
      version: "1",
      description: "OpenAI's API for serving models, with extensions named as vLLM names them.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }],
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name })),
    paths: paths(),
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An API key, or a token of an issuer known here." },
      },
      schemas: schemas(),
      responses: Object.fromEntries(errorStatuses.map((status) => [responseName(status), errorResponse(status)])),
    },
  };
}

function paths(): OpenApiDocument["paths"] {
  const byPath = Map.groupBy(operations, ({ path }) => path);
  return Object.fromEntries(
    [...byPath].map(([path, group]) => [path, Object.fromEntries(group.map((one) => [one.method, describe(one)]))]),
  );
}

function describe(operation: Operation): OperationObject {
  const { method, path, tag, summary, request } = operation;
  const parameters = [...pathParameters(operation), ...queryParameters(operation)];
  return {
    operationId: operationId(method, path),
    tags: [tag],
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(request !== undefined && { requestBody: { required: true, content: requestContent(request, operation) } }),
    responses: {
      "200": success(operation),
      ...Object.fromEntries(
        errorStatuses.map((status) => [status, { $ref: `#/components/responses/${responseName(status)}` }]),
      ),
    },
  };
}

/** A form has an object's members as fields of their own, such as `expires_after[seconds]`. */
function requestContent(request: Named, { requestType }: Operation): Content {
  const schema = refTo(request);
  if (requestType === undefined) return { "application/json": { schema } };
  const fields = Object.entries(toJsonSchema(request.schema, "input").properties ?? {});
  const objects = fields.filter(([, field]) => typeof field === "object" && field.type === "object");
  const encoding = Object.fromEntries(objects.map(([name]) => [name, { style: "deepObject", explode: true } as const]));
  return { [requestType]: { schema, encoding } };
}

function pathParameters({ path }: Operation): ParameterObject[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters({ query }: Operation): ParameterObject[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = toJsonSchema(query, "input");
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    ...(descriptions[name] !== undefined && { description: descriptions[name] }),
    required: required.includes(name),
    schema: typeof schema === "boolean" ? {} : schema,
  }));
}

function success({ answer, event }: Operation): ResponseObject {
  const whole: Content =
    answer === undefined
      ? { "application/octet-stream": { schema: { type: "string", format: "binary" } } }
      : { "application/json": { schema: refTo(answer) } };
  if (event === undefined) return { description: "The answer.", content: whole };
  return {
    description: "The answer; with `stream`, its events.",
    content: { ...whole, "text/event-stream": { schema: refTo(event) } },
  };
}

/** `post /v1/chat/completions` as `postChatCompletions`. */
function operationId(method: string, path: string): string {
  const words = path.replace("/v1/", "").split(/[\W_]+/);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function schemas(): Record<string, JsonSchema> {
  const requests = operations.flatMap(({ request }) => request ?? []);
  const answers = operations.flatMap(({ answer, event }) => [answer, event].filter((one) => one !== undefined));
  return {
    ...Object.fromEntries(requests.map(({ name, schema }) => [name, describeFields(toJsonSchema(schema, "input"))])),
    ...Object.fromEntries(answers.map(({ name, schema }) => [name, toJsonSchema(schema, "output")])),
    Error: toJsonSchema(errorBody, "output"),
  };
}

function describeFields(request: JsonSchema): JsonSchema {
  const described = Object.entries(request.properties ?? {}).map(([name, field]) => {
    const description = descriptions[name];
    return [name, description === undefined || typeof field === "boolean" ? field : { description, ...field }] as const;
  });
  return { ...request, properties: Object.fromEntries(described) };
}

function errorResponse(status: number): ResponseObject {
  const rows = Object.entries(errorTable).filter(([, { httpStatus }]) => httpStatus === status);
  return {
    description: rows.map(([code, { publicText }]) => `\`${code}\`: ${publicText}`).join("\n\n"),
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
}

function responseName(status: number): string {
  return `Error${status}`;
}

function refTo({ name }: Named): Reference {
  return { $ref: `#/components/schemas/${name}` };
}
