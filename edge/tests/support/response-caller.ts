import type { Edge } from "./edge.ts";

/** What tests read of a response, or of what stands in its place. */
export interface ResponseBody {
  readonly id: string;
  readonly status: string;
  readonly error?: { readonly code: string; readonly param: string | null };
}

interface CallOptions {
  readonly as?: string;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks of `/v1/responses` what a key may. */
export class ResponseCaller {
  readonly #edge: Edge;
  readonly #key: string;

  constructor(edge: Edge, key: string) {
    this.#edge = edge;
    this.#key = key;
  }

  /** @param path behind `/v1/responses`. */
  async call(method: string, path: string, body?: object, { as = this.#key, signal, headers }: CallOptions = {}) {
    const type = body === undefined ? {} : { "content-type": "application/json" };
    return this.#edge.fetch(`/v1/responses${path}`, {
      method,
      headers: { authorization: `Bearer ${as}`, ...type, ...headers },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
    });
  }

  async create(params: object = {}, options: CallOptions = {}): Promise<ResponseBody> {
    const response = await this.call("POST", "", { model: "pocket", input: "hi", ...params }, options);
    return (await response.json()) as ResponseBody;
  }

  async get<Answer = ResponseBody>(path: string, options: CallOptions = {}): Promise<Answer> {
    return (await (await this.call("GET", path, undefined, options)).json()) as Answer;
  }
}
