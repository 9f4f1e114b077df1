// A change of a key's terms. What is given replaces, `null` lifts, what is absent stays.
import { limitsSchema } from "#edge/rate-limit/limits.ts";
import { type KeyTerms, keyTermsSchema } from "./key-record.ts";

type Change<Fields> = { readonly [Name in keyof Fields]?: Fields[Name] | null };

export interface TermsChange extends Change<Omit<KeyTerms, "limits">> {
  /** Limit by limit. */
  readonly limits?: Change<NonNullable<KeyTerms["limits"]>>;
}

/** The terms after the change; the schema sees to it that nothing else gets in. */
export function applyChange(terms: KeyTerms, { limits, ...others }: TermsChange): KeyTerms {
  const changed = merge(terms, others);
  const changedLimits = limitsSchema.parse(merge(terms.limits ?? {}, limits ?? {}));
  const isLimited = Object.keys(changedLimits).length > 0;
  return keyTermsSchema.parse({ ...merge(changed, { limits: null }), ...(isLimited && { limits: changedLimits }) });
}

function merge(fields: object, change: object): Readonly<Record<string, unknown>> {
  const entries = Object.entries({ ...fields, ...change });
  return Object.fromEntries(entries.filter(([, value]) => value !== null && value !== undefined));
}
