// The administration of an edge under test, as its administrators call it.
import { adminKey, type Edge } from "./edge.ts";

export interface Json {
  readonly [name: string]: unknown;
  readonly id: string;
  readonly value: string;
  readonly data: Json[];
  readonly error: { readonly code: string; readonly param: string | null; readonly message: string };
}

export class Administration {
  readonly #edge: Pick<Edge<never>, "organization">;

  constructor(edge: Pick<Edge<never>, "organization">) {
    this.#edge = edge;
  }

  readonly call = async (method: string, path: string, body?: object, key = adminKey) => {
    const response = await this.#edge.organization(method, path, body, key);
    return { status: response.status, json: (await response.json()) as Json };
  };

  readonly created = async (path: string, body: object): Promise<Json> => {
    const { status, json } = await this.call("POST", path, body);
    if (status !== 200) throw new Error(`${status}: ${JSON.stringify(json)}`);
    return json;
  };

  readonly auditOf = async (targetId: string): Promise<Json[]> => {
    return (await this.call("GET", `/audit_logs?resource_ids[]=${targetId}`)).json.data;
  };
}

/** The part of a key that proves it. */
export function secretOf(key: string): string {
  return key.split("-").at(-2) ?? "";
}
