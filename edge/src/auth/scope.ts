import * as z from "zod/mini";

/** What a credential may do at all; models and limits are decided apart. */
export const scopeSchema = z.enum(["inference", "usage.read", "admin"]);

export type Scope = z.infer<typeof scopeSchema>;

/** Scopes of a credential that says nothing of scopes. */
export const ordinaryScopes: readonly Scope[] = ["inference", "usage.read"];
