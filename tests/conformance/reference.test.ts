import { expect, inject, it } from "vitest";

const { origin } = new URL(inject("stack").baseUrl);

it("serves the API's description to any web page", async () => {
  const response = await fetch(`${origin}/openapi.json`);
  expect(response.headers.get("content-type")).toContain("application/json");
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  expect(await response.json()).toMatchObject({ openapi: "3.1.1" });
});

it("serves a page of it that needs no script, whose links lead somewhere", async () => {
  const response = await fetch(`${origin}/reference`);
  const page = await response.text();
  expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(page).not.toContain("<script");
  const links = [...page.matchAll(/href="([^"]+)"/g)].map(([, href = ""]) => href);
  const anchors = links.filter((href) => href.startsWith("#"));
  expect(anchors.length).toBeGreaterThan(5);
  for (const anchor of anchors) expect(page).toContain(`id="${anchor.slice(1)}"`);
  const files = links.filter((href) => !href.startsWith("#")).map((href) => new URL(href, response.url));
  for (const file of files) expect((await fetch(file)).status, file.pathname).toBe(200);
  expect(files.map(({ pathname }) => pathname)).toEqual(["/reference/style.css", "/openapi.json"]);
});
