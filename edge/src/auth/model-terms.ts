import { fitsPattern } from "./model-pattern.ts";

/** What a credential says of models: patterns, with `*` for any text. */
export interface ModelTerms {
  /** Absent: all. Empty: none. */
  readonly models?: readonly string[] | undefined;
  /** Not these, whatever `models` says. */
  readonly deniedModels?: readonly string[] | undefined;
}

export function mayUseModel(model: string, { models, deniedModels = [] }: ModelTerms): boolean {
  const fits = (pattern: string) => fitsPattern(model, pattern);
  return (models?.some(fits) ?? true) && !deniedModels.some(fits);
}
