// Who may issue tokens for an organization, and what their claims mean here.
import * as z from "zod/mini";
import { keyTermsSchema } from "#edge/auth/key-record.ts";
import { scopeSchema } from "#edge/auth/scope.ts";
import { maxKeys, publicKeySchema } from "./key-set.ts";

/**
 * Signatures by private key only. `none` and HMAC are not in the list, so a token cannot choose them; neither can it use a
 * public key as an HMAC secret. Source: RFC 8725, sections 3.1 and 3.2.
 */
export const signatureAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

const maxLeewayS = 120;
const maxLifetimeS = 7 * 24 * 3600;

/** Names of claims from the outside in: `realm_access.roles` is `["realm_access", "roles"]`. */
const claimPath = z.array(z.string().check(z.minLength(1), z.maxLength(128))).check(z.minLength(1), z.maxLength(8));

const text = z.string().check(z.minLength(1), z.maxLength(512));

export const issuerSchema = z.object({
  id: z.string().check(z.regex(/^iss_[a-z0-9]{1,64}$/)),
  orgId: z.string(),
  /** Where requests count when the claims name no other project. */
  projectId: z.string(),
  /** The `iss` claim, compared letter by letter. */
  issuer: text,
  /** Of which a token's `aud` must name one. */
  audiences: z.array(text).check(z.minLength(1), z.maxLength(16)),
  keys: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("url"), url: z.string() }),
    z.object({ kind: z.literal("static"), keys: z.array(publicKeySchema).check(z.minLength(1), z.maxLength(maxKeys)) }),
  ]),
  /** How far clocks may differ, in seconds. */
  leewayS: z.int().check(z.gte(0), z.lte(maxLeewayS)),
  /** Longest time between a token's `iat` and `exp`, in seconds. */
  maxLifetimeS: z.int().check(z.gte(1), z.lte(maxLifetimeS)),
  /** Whose limits a request uses: requests with the same value share a gate. */
  tenantClaim: claimPath,
  /** Absent: the issuer's own project always. A token whose claim is missing or not in the table is refused. */
  project: z.optional(z.object({ claim: claimPath, projectIds: z.record(text, z.string()) })),
  /** Absent: every token may infer, and nothing else. Scopes that are not ours are passed over. */
  scopeClaim: z.optional(claimPath),
  /** Limits and permissions of each tenant. */
  terms: keyTermsSchema,
  /** Absent: the same for all. Values without an entry take `terms`. */
  termsByClaim: z.optional(z.object({ claim: claimPath, terms: z.record(text, keyTermsSchema) })),
  scopes: z.array(scopeSchema),
  /** Rises with every change, so that gates know new terms from old. */
  revision: z.int(),
});

export type Issuer = Readonly<z.infer<typeof issuerSchema>>;
