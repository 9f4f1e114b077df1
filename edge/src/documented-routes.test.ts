import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import document from "../public/openapi.json" with { type: "json" };
import { createApp } from "./app.ts";
import { buildParts } from "./parts.ts";

/** `/v1/models/:model{.+}` as `/v1/models/{model}`. */
const asTemplate = (path: string): string => path.replaceAll(/:(\w+)(\{[^}]*\})?/g, "{$1}");

/** What `/openapi.json` is not about: running the house, of which docs/administration.md tells. */
const apart = "/v1/organization";

test("each endpoint of the public API is documented, and nothing else", async () => {
  const routes = createApp(await buildParts(env)).routes;
  const served = routes
    .filter(({ method, path }) => method !== "ALL" && path.startsWith("/v1/"))
    .filter(({ path }) => !path.startsWith(apart))
    .map(({ method, path }) => `${method} ${asTemplate(path)}`);
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect([...new Set(served)].toSorted()).toEqual(documented.toSorted());
});
