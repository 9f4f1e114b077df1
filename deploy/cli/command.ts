// What a command is.
import type { AdminApi, Thing } from "./admin-api.ts";

interface Option {
  readonly type: "string";
  /** Its value, in the help. */
  readonly shows: string;
}

export type Options = Readonly<Record<string, Option>>;

/** option -> what was given. */
export type Values = Readonly<Record<string, string | undefined>>;

export interface Command {
  readonly summary: string;
  /** Names of its arguments, all of which must be given. */
  readonly takes: readonly string[];
  readonly options: Options;
  /** Whether an option besides `project` must be given: where there is none, a command that sets would set nothing, or lift all. */
  readonly needsOption?: true;
  run(api: AdminApi, given: Given): Promise<Outcome>;
}

export interface Given {
  /** As many as the command takes. */
  readonly args: readonly string[];
  readonly values: Values;
}

export interface Outcome {
  /** For scripts. */
  readonly json: Thing | readonly Thing[];
  /** For people. */
  readonly text: string;
}
