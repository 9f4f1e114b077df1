import type { ModelTerms } from "./model-terms.ts";

/** What a credential says of where its requests may go. */
export interface RoutingTerms {
  /** Absent: anywhere. */
  readonly jurisdictions: readonly string[] | undefined;
  readonly models: ModelTerms;
  /** Whether the reply says why its region was chosen. */
  readonly isExplained: boolean;
}
