import type { Batching } from "../cases/batching.ts";
import type { Conformance } from "../cases/conformance.ts";
import type { KvWaste } from "../cases/kv-waste.ts";
import type { CellResult } from "../cases/prefill-and-decode.ts";
import type { WarmPrefix } from "../cases/warm-prefix.ts";

/** What one run saw; the JSON file is this. Lists grow as the run goes on. */
export interface Report {
  readonly machine: { readonly processor: string; readonly numCores: number; readonly node: string };
  readonly model: string;
  readonly contenders: readonly string[];
  readonly numRounds: number;
  readonly conformance: Conformance[];
  readonly cells: CellResult[];
  readonly warmPrefix: WarmPrefix[];
  readonly batching: Batching[];
  readonly kvWaste: KvWaste[];
}
