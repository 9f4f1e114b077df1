import { HashChain, type PrefixScope } from "@sluice/shared/hash-chain.ts";
import { sha256 } from "#platform/sha256.ts";
import type { ExecutorSpec } from "./executor/executor.ts";
import type { GenerationRequest } from "./generation.ts";
import type { Grammars } from "./grammar/grammars.ts";
import type { BlockPool } from "./kv/block-pool.ts";
import { BlockTable } from "./kv/block-table.ts";
import { type LiveGeneration, type OutputBounds, startGeneration } from "./live-generation.ts";
import { Sequence } from "./scheduler/sequence.ts";
import type { SpeculationParams } from "./speculation/speculation-params.ts";

/** Makes of an admitted request what the engine keeps of it: nothing is computed, and no block is held. */
export class GenerationOpener {
  readonly #pool: BlockPool;
  readonly #spec: ExecutorSpec;
  readonly #grammars: Grammars | undefined;
  readonly #speculation: SpeculationParams | undefined;

  constructor(
    pool: BlockPool,
    spec: ExecutorSpec,
    grammars: Grammars | undefined,
    speculation: SpeculationParams | undefined,
  ) {
    this.#pool = pool;
    this.#spec = spec;
    this.#grammars = grammars;
    this.#speculation = speculation;
  }

  /** @param scope with whom the request shares blocks; absent: with nobody. */
  open(request: GenerationRequest, scope: PrefixScope | undefined): LiveGeneration {
    const chain = scope && new HashChain(scope, this.#spec.blockSize, sha256);
    const sequence = new Sequence(request, new BlockTable(this.#pool, chain));
    return startGeneration(request, sequence, this.#spec.embedding, this.#boundsOf(request), this.#speculation);
  }

  #boundsOf({ grammar }: GenerationRequest): OutputBounds {
    if (grammar === undefined) return { grammar: undefined, text: this.#grammars?.openText() };
    return { grammar: this.#grammars?.open(grammar), text: undefined };
  }
}
