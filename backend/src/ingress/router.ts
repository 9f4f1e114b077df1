// Which handler an address means.
export type RouteName =
  | "health"
  | "status"
  | "models"
  | "model"
  | "receipts"
  | "chat"
  | "responses"
  | "input_tokens"
  | "completions"
  | "embeddings"
  | "tokenize"
  | "detokenize";

export type RouteMatch =
  /** `id` is the model that the address names. */
  | { readonly kind: "found"; readonly name: RouteName; readonly id?: string }
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
  "/receipts": { name: "receipts", method: "POST" },
  "/v1/models": { name: "models", method: "GET" },
  "/v1/chat/completions": { name: "chat", method: "POST" },
  "/v1/responses": { name: "responses", method: "POST" },
  "/v1/responses/input_tokens": { name: "input_tokens", method: "POST" },
  "/v1/completions": { name: "completions", method: "POST" },
  "/v1/embeddings": { name: "embeddings", method: "POST" },
  "/v1/tokenize": { name: "tokenize", method: "POST" },
  "/v1/detokenize": { name: "detokenize", method: "POST" },
};

// prefix -> what is named behind it
const namedRoutes = { "/v1/models/": "model" } as const;

/** `url` is the request target; a query is ignored. Model ids may contain slashes, encoded or not. */
export function matchRoute(method: string, url: string): RouteMatch {
  const [path = ""] = url.split("?", 1);
  const [prefix, name] = Object.entries(namedRoutes).find(([start]) => path.startsWith(start)) ?? ["", undefined];
  const id = name === undefined ? undefined : decode(path.slice(prefix.length));
  const fixed = Object.hasOwn(routes, path) ? routes[path] : undefined;
  const route: Route | undefined = name === undefined || id === undefined ? fixed : { name, method: "GET" };
  if (route === undefined) return { kind: "not_found" };
  if (route.method !== method) return { kind: "method_not_allowed", allow: route.method };
  return { kind: "found", name: route.name, ...(id !== undefined && { id }) };
}

/** Undefined when it is empty or badly encoded: then it names no model. */
function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded) || undefined;
  } catch {
    return undefined;
  }
}
