// What is compared with: the least that a gateway in Hono does. It knows no keys, no limits and no regions.
import { Hono } from "hono";

const app = new Hono<{ Bindings: { readonly UPSTREAM: string } }>();

app.all("*", async (c) => {
  const { pathname, search } = new URL(c.req.url);
  const headers = new Headers(c.req.raw.headers);
  for (const name of ["host", "connection", "content-length"]) headers.delete(name);
  const { method, body, signal } = c.req.raw;
  return fetch(`${c.env.UPSTREAM}${pathname}${search}`, { method, headers, body, signal });
});

export default app satisfies ExportedHandler<{ readonly UPSTREAM: string }>;
