/** What a layer's matrices are for. */
export type LinearRole = "query" | "key" | "value" | "attentionOutput" | "gate" | "up" | "down";

export const attentionRoles = ["query", "key", "value", "attentionOutput"] as const satisfies readonly LinearRole[];
export const mlpRoles = ["gate", "up", "down"] as const satisfies readonly LinearRole[];
export const linearRoles: readonly LinearRole[] = [...attentionRoles, ...mlpRoles];
