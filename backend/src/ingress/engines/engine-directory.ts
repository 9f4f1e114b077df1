import { isIPv6 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "#platform/logger.ts";
import type { EnginePool } from "./engine-pool.ts";
import type { EngineSource } from "./engine-source.ts";

/** A region of more is several regions; it also bounds what a wrong record can do. */
const maxEngines = 256;

/** The addresses a name has at the moment. Rejects when that cannot be said. */
export type Resolver = (name: string) => Promise<readonly string[]>;

/**
 * Keeps a pool's engines those that configuration and DNS name: engines that join are found, and engines that leave are
 * left, without a restart. While a name cannot be resolved its last addresses stay: whether an engine is there its Watch
 * tells better than DNS.
 */
export class EngineDirectory {
  readonly #sources: readonly EngineSource[];
  readonly #pool: EnginePool;
  readonly #resolve: Resolver;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  // name -> what it last resolved to
  readonly #lastKnown = new Map<string, readonly string[]>();
  /** Names that could not be resolved the last time: said once. */
  readonly #unresolved = new Set<string>();

  constructor(sources: readonly EngineSource[], pool: EnginePool, resolve: Resolver, logger: Logger) {
    this.#sources = sources;
    this.#pool = pool;
    this.#resolve = resolve;
    this.#logger = logger;
  }

  /** Looks once. Never rejects. */
  async refresh(): Promise<void> {
    const found = await Promise.all(this.#sources.map((source) => this.#addressesOf(source)));
    if (this.#stopping.signal.aborted) return;
    const addresses = [...new Set(found.flat())];
    if (addresses.length > maxEngines) {
      this.#logger.warn({ numFound: addresses.length, maxEngines }, "more engines than are used");
    }
    this.#pool.setAddresses(addresses.slice(0, maxEngines));
  }

  /** Looks every `intervalMs` until `close`; not at all when nothing is looked up. Never rejects. */
  async follow(intervalMs: number): Promise<void> {
    if (this.#sources.every(({ kind }) => kind === "fixed")) return;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.refresh();
    }
  }

  close(): void {
    this.#stopping.abort();
  }

  async #addressesOf(source: EngineSource): Promise<readonly string[]> {
    if (source.kind === "fixed") return [source.address];
    const { name, port } = source;
    try {
      const hosts = await this.#resolve(name);
      // In one order, so that of too many every ingress takes the same.
      const addresses = hosts.map((host) => `${isIPv6(host) ? `[${host}]` : host}:${port}`).toSorted();
      this.#lastKnown.set(name, addresses);
      this.#unresolved.delete(name);
      return addresses;
    } catch (error) {
      if (!this.#unresolved.has(name)) this.#logger.warn({ name, err: error }, "engines' name not resolved");
      this.#unresolved.add(name);
      return this.#lastKnown.get(name) ?? [];
    }
  }
}
