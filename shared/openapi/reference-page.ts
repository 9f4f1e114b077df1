// The OpenAPI document for people: one page without scripts, which the strictest content security policy lets through.
import { html } from "hono/html";
import type { JsonSchema } from "./json-schemas.ts";
import type { Content, OpenApiDocument, OperationObject, ParameterObject } from "./openapi-document.ts";

type Html = ReturnType<typeof html>;
type Schemas = Readonly<Record<string, JsonSchema>>;

/** A whole HTML document. */
export function referencePage({ info, paths, components }: OpenApiDocument): Html {
  const { schemas } = components;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${info.title} API reference</title>
        <link rel="stylesheet" href="style.css" />
      </head>
      <body>
        <nav aria-label="Endpoints">
          <ul>
            ${operations.map(
              ({ method, path, operation }) =>
                html`<li>
                  <a href="#${operation.operationId}"><b>${method}</b> ${path}</a>
                </li>`,
            )}
            <li><a href="#errors">Errors</a></li>
          </ul>
        </nav>
        <main>
          <h1>${info.title} API</h1>
          <p>${info.description} Machines read it at <a href="../openapi.json">openapi.json</a>.</p>
          ${operations.map(({ method, path, operation }) => section(method, path, operation, schemas))}
          <section id="errors">
            <h2>Errors</h2>
            <dl>
              ${Object.entries(components.responses).map(
                ([name, { description }]) =>
                  html`<dt>${name.replace("Error", "")}</dt>
                    ${description.split("\n\n").map((text) => html`<dd>${prose(text)}</dd>`)}`,
              )}
            </dl>
          </section>
        </main>
      </body>
    </html>`;
}

function section(method: string, path: string, operation: OperationObject, schemas: Schemas): Html {
  const { parameters = [], requestBody, responses } = operation;
  return html`<section id="${operation.operationId}">
    <h2>${operation.summary}</h2>
    <p class="endpoint"><b>${method}</b> ${path}</p>
    ${parameterList(parameters)}
    ${
      requestBody === undefined
        ? ""
        : html`<h3>Request</h3>
            ${content(requestBody.content, schemas)}`
    }
    <h3>Answer</h3>
    ${content(responses[200].content, schemas)}
  </section>`;
}

function content(types: Content, schemas: Schemas): Html[] {
  return Object.entries(types).map(([type, { schema }]) => {
    const name = schema.$ref?.split("/").at(-1);
    return name === undefined
      ? html`<p><code>${type}</code></p>`
      : html`<p><code>${type}</code> ${name}</p>
          ${members(schemas[name] ?? {})}`;
  });
}

/** Parameters outside of the body. */
function parameterList(parameters: readonly ParameterObject[]): Html | string {
  if (parameters.length === 0) return "";
  const properties = Object.fromEntries(
    parameters.map(({ name, description, schema }) => [
      name,
      { ...schema, ...(description !== undefined && { description }) },
    ]),
  );
  const required = parameters.filter((parameter) => parameter.required).map(({ name }) => name);
  return html`<h3>Parameters</h3>
    ${members({ properties, required })}`;
}

/** The members of an object, or of what an array or a union is made of; empty for a plain value. */
function members(schema: JsonSchema): Html[] {
  if (schema.properties === undefined) return parts(schema).flatMap(members);
  const rows = Object.entries(schema.properties).map(([name, member]) => {
    const field = typeof member === "boolean" ? {} : member;
    const required = schema.required?.includes(name) === true ? html` <em>required</em>` : "";
    const inner = members(field);
    return html`<dt><code>${name}</code> ${typeText(field)}${required}</dt>
      <dd>
        ${prose(field.description ?? "")}
        ${
          inner.length === 0
            ? ""
            : html`<details>
                <summary>members</summary>
                ${inner}
              </details>`
        }
      </dd>`;
  });
  return [
    html`${schema.description === undefined ? "" : html`<p>${prose(schema.description)}</p>`}
      <dl>${rows}</dl>`,
  ];
}

function parts({ items, anyOf = [], oneOf = [] }: JsonSchema): JsonSchema[] {
  const all = [...(Array.isArray(items) ? items : [items]), ...anyOf, ...oneOf];
  return all.filter((part): part is JsonSchema => typeof part === "object");
}

/** Such as `integer 1 to 128`, `"auto" or "none"`, `array of string`. That it may be null is not said. */
function typeText(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])] as JsonSchema[];
  if (branches.length > 0) {
    return [...new Set(branches.map(typeText))].filter((text) => text !== "").join(" or ");
  }
  const types = [schema.type].flat().filter((type) => type !== undefined && type !== "null");
  if (types.includes("array"))
    return `array of ${parts({ items: schema.items ?? {} })
      .map(typeText)
      .join(" or ")}`;
  return `${types.join(" or ")}${range(schema)}`;
}

function range({ minimum, maximum, minLength, maxLength }: JsonSchema): string {
  const [low, high] = [minimum ?? minLength, maximum ?? maxLength];
  if (low === undefined && high === undefined) return "";
  if (high === undefined) return ` ≥ ${low}`;
  return low === undefined ? ` ≤ ${high}` : ` ${low} to ${high}`;
}

/** Backquotes become code. */
function prose(text: string): Html[] {
  return text.split("`").map((piece, index) => (index % 2 === 0 ? html`${piece}` : html`<code>${piece}</code>`));
}
