import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Edge } from "./support/edge.ts";
import { startHarnessWorker } from "./support/harness-worker.ts";

const issuer = "https://id.example";
const patience = { timeout: 10_000, interval: 200 };

let edge: Edge;
let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let publicJwk: object;
/** Serves the issuer's key set and counts who asks for it. */
let numJwksRequests = 0;
let jwksUrl: string;
const jwksServer = createServer((_, response) => {
  numJwksRequests += 1;
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: [publicJwk] }));
});

beforeAll(async () => {
  keys = await generateKeyPair("EdDSA", { extractable: true });
  publicJwk = { ...(await exportJWK(keys.publicKey)), kid: "one" };
  await new Promise<void>((resolve) => jwksServer.listen(0, "127.0.0.1", resolve));
  jwksUrl = `http://127.0.0.1:${(jwksServer.address() as AddressInfo).port}/jwks`;
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
});
afterAll(async () => {
  await edge.stop();
  jwksServer.close();
});

async function addIssuer(audience: string, fields: object = { jwks: { keys: [publicJwk] } }): Promise<Response> {
  return edge.organization("POST", "/issuers", {
    issuer,
    audiences: [audience],
    project_id: "proj_default",
    ...fields,
  });
}

async function sign(audience: string, claims: JWTPayload = {}, kid = "one"): Promise<string> {
  return new SignJWT({ sub: "user-1", ...claims })
    .setProtectedHeader({ alg: "EdDSA", kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime("10 minutes")
    .sign(keys.privateKey);
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

test("a token of an issuer that was made known is good, and its request counts for the issuer's project", async () => {
  expect((await addIssuer("static")).status).toBe(200);
  const token = await sign("static");
  await vi.waitFor(async () => expect((await edge.complete(token, {})).status).toBe(200), patience);
  const { passport } = edge.region("amsterdam").received.at(-1) ?? {};
  expect(passport).toMatchObject({ org: "org_default" });
  expect(passport?.key).not.toContain("user-1");
});

test("a token for another audience, or by nobody's key, is refused", async () => {
  expect(await codeOf(await edge.complete(await sign("unheard-of"), {}))).toBe("invalid_token");
  const other = await generateKeyPair("EdDSA");
  const forged = await new SignJWT({ sub: "user-1" })
    .setProtectedHeader({ alg: "EdDSA", kid: "one" })
    .setIssuer(issuer)
    .setAudience("static")
    .setIssuedAt()
    .setExpirationTime("10 minutes")
    .sign(other.privateKey);
  expect(await codeOf(await edge.complete(forged, {}))).toBe("invalid_token");
});

test("a flood of unknown kids reaches the issuer once", async () => {
  await addIssuer("published", { jwks_url: jwksUrl });
  await vi.waitFor(async () => expect((await edge.complete(await sign("published"), {})).status).toBe(200), patience);
  const before = numJwksRequests;
  const flood = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => edge.complete(await sign("published", {}, `kid-${n}`), {})),
  );
  expect(new Set(flood.map(({ status }) => status))).toEqual(new Set([401]));
  expect(numJwksRequests - before).toBeLessThanOrEqual(1);
});

test("tenants have limits of their own, and a plan's where a claim says so", async () => {
  await addIssuer("plans", {
    jwks: { keys: [publicJwk] },
    tenant_claim: "org.id",
    terms: { rpm: 2 },
    plans: { claim: "plan", terms: { gold: { rpm: 4 } } },
  });
  const admitted = async (claims: JWTPayload) => {
    const token = await sign("plans", claims);
    const statuses: number[] = [];
    for (let n = 0; n < 6; n += 1) statuses.push((await edge.complete(token, {})).status);
    return statuses.filter((status) => status === 200).length;
  };
  await vi.waitFor(
    async () => expect((await edge.complete(await sign("plans", { org: { id: "x" } }), {})).status).toBe(200),
    patience,
  );
  expect(await admitted({ org: { id: "acme" }, sub: "user-1" })).toBe(2);
  expect(await admitted({ org: { id: "acme" }, sub: "user-2" })).toBe(0);
  expect(await admitted({ org: { id: "rich" }, plan: "gold" })).toBe(4);
  expect(await codeOf(await edge.complete(await sign("plans"), {}))).toBe("invalid_token");
});

test("an issuer is told as it was made, with what holds where nothing was said", async () => {
  const fields = {
    jwks_url: "https://id.example/jwks",
    tenant_claim: ["https://id.example/org", "id"],
    project_claim: { claim: "realm.project", projects: { main: "proj_default" } },
    scope_claim: "scope",
    terms: { rpm: 60, models: ["pocket"] },
    plans: { claim: "plan", terms: { gold: { rpm: 600 } } },
  };
  const { id } = (await (await addIssuer("told", fields)).json()) as { id: string };
  const told = await (await edge.organization("GET", `/issuers/${id}`)).json();
  expect(told).toMatchObject({ id, issuer, audiences: ["told"], ...fields });
  expect(told).toMatchObject({ leeway_seconds: 30, scopes: ["inference", "usage.read"], terms: { tpm: null } });
  const { data } = (await (await edge.organization("GET", "/issuers")).json()) as { data: { id: string }[] };
  expect(data.find((one) => one.id === id)).toEqual(told);
  expect((await edge.organization("GET", "/issuers/iss_none")).status).toBe(404);
});

test("scopes come from the claim, when the issuer has one", async () => {
  await addIssuer("scoped", { jwks: { keys: [publicJwk] }, scope_claim: "scope" });
  await vi.waitFor(
    async () => expect((await edge.complete(await sign("scoped", { scope: "openid inference" }), {})).status).toBe(200),
    patience,
  );
  expect(await codeOf(await edge.complete(await sign("scoped", { scope: "openid" }), {}))).toBe("permission_denied");
});

test("an issuer that is removed is believed no more", async () => {
  const { id } = (await (await addIssuer("removed")).json()) as { id: string };
  const token = await sign("removed");
  await vi.waitFor(async () => expect((await edge.complete(token, {})).status).toBe(200), patience);
  expect((await edge.organization("DELETE", `/issuers/${id}`)).status).toBe(200);
  await vi.waitFor(async () => expect((await edge.complete(token, {})).status).toBe(401), patience);
});

test.each([
  { fields: { jwks_url: "http://id.example/jwks" }, param: "jwks_url" },
  { fields: { jwks_url: "https://user:pass@id.example/jwks" }, param: "jwks_url" },
  { fields: {}, param: "jwks_url" },
  { fields: { jwks: { keys: [{ kty: "oct", k: "c2VjcmV0" }] } }, param: "jwks.keys[0].kty" },
  { fields: { jwks_url: "https://id.example/jwks", leeway_seconds: 3_600 }, param: "leeway_seconds" },
  { fields: { jwks_url: "https://id.example/jwks", project_id: "proj_none" }, param: "project_id" },
])("an issuer with $fields is refused, naming $param", async ({ fields, param }) => {
  const response = await addIssuer("refused", fields);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param } });
});

interface Grant {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number;
}

async function requestToken(form: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
  return edge.fetch("/oauth/token", { method: "POST", body: new URLSearchParams(form), headers });
}

test("client credentials give a token that lives for minutes and dies with its key", async () => {
  const { id, value } = await edge.createKey();
  const response = await requestToken({ grant_type: "client_credentials", client_id: id, client_secret: value });
  expect(response.headers.get("cache-control")).toBe("no-store");
  const grant = (await response.json()) as Grant;
  expect(grant).toMatchObject({ token_type: "Bearer", expires_in: 900, scope: "inference usage.read" });
  expect((await edge.complete(grant.access_token, {})).status).toBe(200);
  await edge.admin("DELETE", `/${id}`);
  expect(await codeOf(await edge.complete(grant.access_token, {}))).toBe("key_revoked");
});

test.each([
  { overlap: 0, told: "token_expired" },
  { overlap: 60, told: undefined },
])("a token is good no longer than the secret it was issued for: overlap of $overlap s", async ({ overlap, told }) => {
  const { id, value } = await edge.createKey();
  const grantFor = async (secret: string) => {
    const form = { grant_type: "client_credentials", client_id: id, client_secret: secret };
    return (await (await requestToken(form)).json()) as Grant;
  };
  const before = await grantFor(value);
  const rotation = await edge.admin("POST", `/${id}/rotate`, { overlap_seconds: overlap });
  const after = await grantFor(((await rotation.json()) as { value: string }).value);
  const response = await edge.complete(before.access_token, {});
  expect(response.status === 200 ? undefined : await codeOf(response)).toBe(told);
  expect((await edge.complete(after.access_token, {})).status).toBe(200);
});

test("a client may say who it is in a Basic header, and ask for less than it has", async () => {
  const { id, value } = await edge.createKey();
  const headers = { authorization: `Basic ${btoa(`${id}:${value}`)}` };
  const grant = (await (
    await requestToken({ grant_type: "client_credentials", scope: "usage.read" }, headers)
  ).json()) as Grant;
  expect(await codeOf(await edge.complete(grant.access_token, {}))).toBe("permission_denied");
});

test("our tokens verify under the published keys", async () => {
  const { keys: published } = (await (await edge.fetch("/.well-known/jwks.json")).json()) as { keys: object[] };
  expect(published).toHaveLength(1);
  expect(published[0]).not.toHaveProperty("d");
  const metadata = await (await edge.fetch("/.well-known/oauth-authorization-server")).json();
  expect(metadata).toMatchObject({ grant_types_supported: ["client_credentials"] });
});

test.each([
  { what: "another grant", form: { grant_type: "password" }, status: 400, error: "unsupported_grant_type" },
  { what: "an unknown scope", form: { scope: "everything" }, status: 400, error: "invalid_scope" },
  { what: "a scope beyond the key's", form: { scope: "admin" }, status: 400, error: "invalid_scope" },
  { what: "another key's id", form: { client_id: "w8vvn2mge50jehqp" }, status: 401, error: "invalid_client" },
  { what: "no secret", form: { client_secret: "" }, status: 401, error: "invalid_client" },
])("a token request with $what is refused as $error", async ({ form, status, error }) => {
  const { id, value } = await edge.createKey();
  const response = await requestToken({
    grant_type: "client_credentials",
    client_id: id,
    client_secret: value,
    ...(form as Record<string, string>),
  });
  expect(response.status).toBe(status);
  expect(await response.json()).toEqual({ error });
});
