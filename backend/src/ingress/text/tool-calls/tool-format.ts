import type { CallSyntax } from "./call-parser.ts";

export type ToolFormatName = "hermes" | "llama3_json" | "mistral";

/** How a family of models writes calls: to be read, and to be written by a grammar. */
export interface ToolFormat {
  /** As vLLM's `--tool-call-parser` has it. */
  readonly name: ToolFormatName;
  readonly syntax: CallSyntax;
  /** One call or several: `open`, calls with `separator` between, `close`. */
  readonly open: string;
  /** A call is `before(name)`, the arguments' JSON, and `after`. */
  before(name: string): string;
  readonly after: string;
  readonly separator: string;
  readonly close: string;
  /** Most calls that the family's templates can show again. */
  readonly maxCalls: number;
}
