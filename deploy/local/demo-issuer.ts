// An issuer of tokens for trying JWTs on the local stack: its private key lies in the state directory, its public half is made
// known to the edge.
import path from "node:path";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import * as z from "zod";
import { readStateFile, writeStateFile } from "./state-file.ts";

/** What a script needs to sign tokens that the local edge accepts. */
interface DemoIssuer {
  /** `iss`. */
  readonly issuer: string;
  /** `aud`. */
  readonly audience: string;
  /** An Ed25519 private key as a JWK, which has the `kid` of the token's header. */
  readonly privateKeyFile: string;
}

const issuer = "https://issuer.sluice.localhost";
const audience = "sluice";
const kid = "demo";

const listSchema = z.object({ data: z.array(z.object({ issuer: z.string(), audiences: z.array(z.string()) })) });

/** Makes the issuer, unless the edge knows it already. @throws Error when the edge refuses. */
export async function obtainDemoIssuer(stateDir: string, edgeUrl: string, adminKey: string): Promise<DemoIssuer> {
  const privateKeyFile = path.join(stateDir, "demo-issuer.jwk.json");
  const publicJwk = await loadPublicJwk(privateKeyFile);
  const url = `${edgeUrl}/v1/organization/issuers`;
  const headers = { authorization: `Bearer ${adminKey}`, "content-type": "application/json" };
  const known = listSchema.parse(await (await fetch(url, { headers })).json());
  if (!known.data.some((one) => one.issuer === issuer && one.audiences.includes(audience))) {
    const fields = { issuer, audiences: [audience], jwks: { keys: [publicJwk] }, project_id: "proj_default" };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(fields) });
    if (!response.ok) throw new Error(`The edge did not take the demo issuer: ${await response.text()}`);
  }
  return { issuer, audience, privateKeyFile };
}

/** Of the key in the file, which is made when it is missing (mode 0600). */
async function loadPublicJwk(file: string): Promise<JWK> {
  const remedy = "Remove it, and the issuer with it: `npm run sluice -- issuers delete ID`.";
  const kept = await readStateFile(file, z.record(z.string(), z.unknown()), remedy);
  if (kept !== undefined) {
    const { d: _, ...publicJwk } = kept;
    return publicJwk;
  }
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  await writeStateFile(file, `${JSON.stringify({ ...(await exportJWK(privateKey)), kid }, null, 2)}\n`);
  return { ...(await exportJWK(publicKey)), kid };
}
