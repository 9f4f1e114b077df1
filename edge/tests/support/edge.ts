// A Worker under test, with its regions.
import { generateKeyPairSync } from "node:crypto";
import { importPassportKey } from "@sluice/shared/passport.ts";
import { MockRegion, receiptSecret } from "./mock-region.ts";
import type { RunningWorker, StartWorker } from "./worker.ts";

export const adminKey = "admin-key-of-the-tests-0123456789abcdef";

/** Where callers and regions stand. */
const places = {
  amsterdam: { latitude: 52.37, longitude: 4.9, continent: "EU" },
  berlin: { latitude: 52.52, longitude: 13.4, continent: "EU" },
  newyork: { latitude: 40.71, longitude: -74.01, continent: "NA" },
  sydney: { latitude: -33.87, longitude: 151.21, continent: "OC" },
  tokyo: { latitude: 35.68, longitude: 139.69, continent: "AS" },
  washington: { latitude: 38.9, longitude: -77.04, continent: "NA" },
} as const;

export type Place = keyof typeof places;

export interface CreatedKey {
  readonly id: string;
  readonly value: string;
}

export interface CallOptions {
  /** Where the caller is. Default: Cloudflare does not know. */
  readonly from?: Place;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export class Edge<Worker extends RunningWorker = RunningWorker> {
  readonly worker: Worker;
  readonly #regions: readonly MockRegion[];

  private constructor(worker: Worker, regions: readonly MockRegion[]) {
    this.worker = worker;
    this.#regions = regions;
  }

  /** Starts a Worker with one mock region per place, in that order, named by its place. */
  static async start<Worker extends RunningWorker>(
    startWorker: (...environment: Parameters<StartWorker>) => Promise<Worker>,
    regionPlaces: readonly Place[],
    variables: Readonly<Record<string, string>> = {},
  ): Promise<Edge<Worker>> {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const passportKey = await importPassportKey({ ...publicKey.export({ format: "jwk" }) });
    const regions = await Promise.all(regionPlaces.map(async (place) => MockRegion.start(place, passportKey)));
    const configured = regions.map(({ id, url }) => ({ id, url, jurisdiction: id, ...coordinatesOf(id) }));
    const worker = await startWorker({
      REGIONS: JSON.stringify(configured),
      KEY_TAG_SECRET: "tag-secret-of-the-tests-0123456789abcdef",
      PASSPORT_PRIVATE_JWK: JSON.stringify(privateKey.export({ format: "jwk" })),
      ADMIN_KEY: adminKey,
      RECEIPT_SECRET: receiptSecret,
      ...variables,
    });
    return new Edge(worker, regions);
  }

  async stop(): Promise<void> {
    await this.worker.stop();
    await Promise.all(this.#regions.map(async (region) => region.stop()));
  }

  region(place: Place): MockRegion {
    const region = this.#regions.find(({ id }) => id === place);
    if (region === undefined) throw new Error(`no region in ${place}`);
    return region;
  }

  async fetch(path: string, init: RequestInit = {}, from?: Place): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("MF-CF-Blob", cfBlob(from));
    return fetch(`${this.worker.url}${path}`, { ...init, headers });
  }

  /** `POST /v1/chat/completions`; a body that is text is sent as it is. */
  async complete(key: string, body: object | string, { from, headers, signal }: CallOptions = {}): Promise<Response> {
    const init = {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify({ model: "pocket", ...body }),
      signal: signal ?? null,
    };
    return this.fetch("/v1/chat/completions", init, from);
  }

  /** The key API of the default project. */
  async admin(method: string, path = "", body?: object, key = adminKey): Promise<Response> {
    return this.organization(method, `/projects/proj_default/api_keys${path}`, body, key);
  }

  /** The admin API, from `/v1/organization` on. */
  async organization(method: string, path: string, body?: object, key = adminKey): Promise<Response> {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    return this.fetch(`/v1/organization${path}`, init);
  }

  async createKey(options: object = {}): Promise<CreatedKey> {
    const response = await this.admin("POST", "", { name: "test", ...options });
    if (!response.ok) throw new Error(`no key: ${await response.text()}`);
    return (await response.json()) as CreatedKey;
  }
}

/** `request.cf` as miniflare takes it; without clientAcceptEncoding it would compress the replies. */
function cfBlob(from: Place | undefined): string {
  if (from === undefined) return JSON.stringify({ clientAcceptEncoding: "" });
  const { latitude, longitude, continent } = places[from];
  const place = { latitude: String(latitude), longitude: String(longitude), continent };
  return JSON.stringify({ ...place, clientAcceptEncoding: "" });
}

function coordinatesOf(place: Place) {
  const { latitude, longitude } = places[place];
  return { latitude, longitude };
}
