// A JSON Web Key Set (RFC 7517) as far as we trust one: public keys for signatures, in bounds.
import * as z from "zod/mini";

/** An issuer rotates among a few keys; more is a mistake or an attack. */
export const maxKeys = 64;

/** A modulus of 16,384 bits in base64url. */
const maxMemberLength = 2_731;

const member = z.string().check(z.maxLength(maxMemberLength));
const description = {
  kid: z.optional(z.string().check(z.maxLength(256))),
  alg: z.optional(z.string().check(z.maxLength(16))),
  use: z.optional(z.literal("sig")),
};

/** Strips what is not named, private members above all. Symmetric keys (`oct`) are no public keys. */
export const publicKeySchema = z.discriminatedUnion("kty", [
  z.object({ kty: z.literal("RSA"), n: member, e: member, ...description }),
  z.object({ kty: z.literal("EC"), crv: z.enum(["P-256", "P-384", "P-521"]), x: member, y: member, ...description }),
  z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: member, ...description }),
]);

export type PublicKey = Readonly<z.infer<typeof publicKeySchema>>;

/** The usable keys of a set; those of other kinds or uses are left out. Absent when it is no key set or too large a one. */
export function parseKeySet(value: unknown): readonly PublicKey[] | undefined {
  const parsed = z.object({ keys: z.array(z.unknown()).check(z.maxLength(maxKeys)) }).safeParse(value);
  if (!parsed.success) return undefined;
  return parsed.data.keys.flatMap((key) => {
    const usable = publicKeySchema.safeParse(key);
    return usable.success ? [usable.data] : [];
  });
}
