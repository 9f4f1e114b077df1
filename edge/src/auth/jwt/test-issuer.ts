import type { Issuer } from "./issuer.ts";

/** An issuer for tests, changed as the test needs it. */
export function testIssuer(changes: Partial<Issuer> = {}): Issuer {
  return {
    id: "iss_one",
    orgId: "org_one",
    projectId: "proj_one",
    issuer: "https://id.example",
    audiences: ["sluice", "sluice-eu"],
    keys: { kind: "url", url: "https://id.example/jwks" },
    leewayS: 30,
    maxLifetimeS: 3_600,
    tenantClaim: ["sub"],
    terms: {},
    scopes: ["inference"],
    revision: 1,
    ...changes,
  };
}
