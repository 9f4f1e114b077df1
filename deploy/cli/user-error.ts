/** What the person at the terminal can mend; its message says how. */
export class UserError extends Error {}
