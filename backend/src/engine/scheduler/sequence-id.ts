declare const sequenceId: unique symbol;

/** Names one sequence in one engine. Never used again, and ascending in order of arrival. */
export type SequenceId = number & { readonly [sequenceId]: true };
