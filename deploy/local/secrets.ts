// The stack's own secrets, made on the first start and kept in the state directory, so that keys survive a restart.
import { randomBytes } from "node:crypto";
import path from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import * as z from "zod";
import { readStateFile, writeStateFile } from "./state-file.ts";

function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

const jwkSchema = z.record(z.string(), z.unknown());

const secretsSchema = z.object({
  keyTagSecret: z.string(),
  adminKey: z.string(),
  passportPrivateJwk: jwkSchema,
  passportPublicJwk: jwkSchema,
  // Of a state directory from before there were receipts: nobody keeps one longer than the stack runs.
  receiptSecret: z.string().default(newSecret),
});

export type StackSecrets = z.infer<typeof secretsSchema>;

/** Reads the secrets of this state directory, or makes and stores them (mode 0600). @throws when the file is damaged. */
export async function loadSecrets(stateDir: string): Promise<StackSecrets> {
  const file = path.join(stateDir, "secrets.json");
  const remedy = "Put back a copy, or remove it: new secrets are made then, and keys made under these are refused.";
  const kept = await readStateFile(file, secretsSchema, remedy);
  if (kept !== undefined) return kept;
  const secrets = await generateSecrets();
  await writeStateFile(file, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}

/** Fresh secrets for a whole deployment. */
export async function generateSecrets(): Promise<StackSecrets> {
  const pair = await generateKeyPair("EdDSA", { extractable: true });
  return {
    keyTagSecret: newSecret(),
    adminKey: `sk-sluice-admin-${randomBytes(24).toString("base64url")}`,
    passportPrivateJwk: { ...(await exportJWK(pair.privateKey)) },
    passportPublicJwk: { ...(await exportJWK(pair.publicKey)) },
    receiptSecret: newSecret(),
  };
}
