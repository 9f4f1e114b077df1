// Which handler an address means.
export type RouteName = "health" | "status" | "models" | "model" | "chat" | "completions" | "embeddings";

export type RouteMatch =
  | { readonly kind: "found"; readonly name: RouteName; readonly modelId?: string }
  | { readonly kind: "not_found" }
  | { readonly kind: "method_not_allowed"; readonly allow: string };

interface Route {
  readonly name: RouteName;
  readonly method: "GET" | "POST";
}

// path -> route
const routes: Readonly<Record<string, Route>> = {
  "/health": { name: "health", method: "GET" },
  "/status": { name: "status", method: "GET" },
  "/v1/models": { name: "models", method: "GET" },
  "/v1/chat/completions": { name: "chat", method: "POST" },
  "/v1/completions": { name: "completions", method: "POST" },
  "/v1/embeddings": { name: "embeddings", method: "POST" },
};

const modelPrefix = "/v1/models/";

/** `url` is the request target; a query is ignored. Model ids may contain slashes, encoded or not. */
export function matchRoute(method: string, url: string): RouteMatch {
  const [path = ""] = url.split("?", 1);
  const modelId = path.startsWith(modelPrefix) ? decode(path.slice(modelPrefix.length)) : undefined;
  const route: Route | undefined =
    modelId === undefined ? (Object.hasOwn(routes, path) ? routes[path] : undefined) : { name: "model", method: "GET" };
  if (route === undefined) return { kind: "not_found" };
  if (route.method !== method) return { kind: "method_not_allowed", allow: route.method };
  return { kind: "found", name: route.name, ...(modelId !== undefined && { modelId }) };
}

/** Undefined when it is empty or badly encoded: then it names no model. */
function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded) || undefined;
  } catch {
    return undefined;
  }
}
