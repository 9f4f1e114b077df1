// The edge's administration, as its CLI asks it.
import * as z from "zod";
import type { Connection } from "./connection.ts";
import { UserError } from "./user-error.ts";

const timeoutMs = 30_000;
const pageSize = 100;

const thingSchema = z.record(z.string(), z.unknown());
const listSchema = z.object({ data: z.array(thingSchema), has_more: z.boolean(), last_id: z.string().nullish() });
const errorSchema = z.object({
  error: z.object({ message: z.string(), param: z.string().nullable(), code: z.string().nullable() }),
});

/** A JSON object of the API. */
export type Thing = z.infer<typeof thingSchema>;

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export class AdminApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async get(path: string, query: Query = {}): Promise<Thing> {
    return this.#ask("GET", path + toSearch(query));
  }

  async post(path: string, body: object = {}): Promise<Thing> {
    return this.#ask("POST", path, body);
  }

  async delete(path: string): Promise<Thing> {
    return this.#ask("DELETE", path);
  }

  /** All of a list, page by page, up to `max` things. */
  async list(path: string, query: Query = {}, max = Infinity): Promise<Thing[]> {
    const things: Thing[] = [];
    let after: string | undefined;
    for (;;) {
      const limit = Math.min(pageSize, max - things.length);
      const page = listSchema.parse(await this.get(path, { ...query, limit, after }));
      things.push(...page.data);
      if (!page.has_more || things.length >= max || page.last_id === null || page.last_id === undefined) return things;
      after = page.last_id;
    }
  }

  /** @throws UserError when the edge cannot be reached, or refuses. */
  async #ask(method: string, path: string, body?: object): Promise<Thing> {
    const { adminUrl, adminKey } = this.#connection;
    const headers = { authorization: `Bearer ${adminKey}`, "content-type": "application/json" };
    const signal = AbortSignal.timeout(timeoutMs);
    const init = { method, headers, signal, body: body === undefined ? null : JSON.stringify(body) };
    const response = await fetch(adminUrl + path, init).catch((error: unknown) => {
      throw new UserError(`${adminUrl} cannot be reached: ${reasonOf(error)}. ${this.#connection.remedy}`, {
        cause: error,
      });
    });
    const json: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw new UserError(describe(path, response.status, json));
    return thingSchema.parse(json);
  }
}

/** Lists are sent as OpenAI's clients do: `ids[]=a&ids[]=b`. */
function toSearch(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (typeof value === "object") for (const one of value) search.append(`${name}[]`, one);
    else search.append(name, String(value));
  }
  return search.size === 0 ? "" : `?${search.toString()}`;
}

/** Such as ECONNREFUSED, or what was wrong with a certificate. */
function reasonOf(error: unknown): string {
  const { cause = error } = error instanceof Error ? error : { cause: error };
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}

/** What to do about a status; the edge's message alone where it says it all. */
const hints: Readonly<Record<number, string>> = {
  401: "Check SLUICE_ADMIN_KEY: it takes ADMIN_KEY or a key of `sluice admin-keys create`.",
  403: "Use an admin key.",
  503: "Try again in a moment.",
};

/** Which list has what a path names. */
const lists: readonly (readonly [within: string, command: string])[] = [
  ["/api_keys", "keys list"],
  ["/service_accounts", "accounts list"],
  ["/admin_api_keys", "admin-keys list"],
  ["/issuers", "issuers list"],
];

function whereToLook(path: string, message: string): string {
  const [, command = "projects list"] = lists.find(([within]) => path.includes(within)) ?? [];
  return `See what there is with \`sluice ${message.includes("no such project") ? "projects list" : command}\`.`;
}

function describe(path: string, status: number, json: unknown): string {
  const parsed = errorSchema.safeParse(json);
  if (!parsed.success) return `The edge answered ${status}, and not as an edge does. Check SLUICE_ADMIN_URL.`;
  const { message, param } = parsed.data.error;
  const hint = status === 404 ? whereToLook(path, message) : hints[status];
  return [message, param === null || message.includes(param) ? undefined : `(${param})`, hint]
    .filter(Boolean)
    .join(" ");
}
