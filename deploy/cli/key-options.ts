// A key's terms as options, and as the API words them.
import type { Options, Values } from "./command.ts";
import { readCount, readDuration, readInstant, readList, readYesOrNo } from "./read-options.ts";

const counts = ["rpm", "tpm", "rpd", "concurrency", "tokens-per-month"] as const;

/** option -> its value in the help, beside `none`. */
const lists = {
  models: "pocket,maker/*",
  "denied-models": "maker/*",
  allowlist: "203.0.113.0/24,2001:db8::1",
  denylist: "203.0.113.0/24,2001:db8::1",
  origins: "https://app.example.com",
  scopes: "inference,usage.read,admin",
  "service-tiers": "default,flex,priority",
  jurisdictions: "eu,us",
} as const;

export const expiryOptions = {
  "expires-in": { type: "string", shows: "90d" },
  "expires-at": { type: "string", shows: "2027-01-31|never" },
} as const satisfies Options;

export const keyOptions: Options = {
  ...Object.fromEntries(counts.map((name) => [name, { type: "string", shows: "N|none" } as const])),
  ...Object.fromEntries(
    Object.entries(lists).map(([name, shows]) => [name, { type: "string", shows: `${shows}|none` } as const]),
  ),
  "explain-routing": { type: "string", shows: "yes|no" },
  ...expiryOptions,
};

/** Those that were given. */
export function readKeyOptions(values: Values): Record<string, unknown> {
  const body = readExpiryOptions(values);
  for (const name of counts) {
    const text = values[name];
    if (text !== undefined) body[toField(name)] = readCount(name, text);
  }
  for (const name of Object.keys(lists)) {
    const text = values[name];
    if (text !== undefined) body[toField(name)] = readList(text);
  }
  const explains = values["explain-routing"];
  if (explains !== undefined) body["explain_routing"] = readYesOrNo("explain-routing", explains);
  return body;
}

export function readExpiryOptions(values: Values): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  const { "expires-in": within, "expires-at": at } = values;
  if (within !== undefined) body["expires_in_seconds"] = readDuration("expires-in", within);
  if (at !== undefined) body["expires_at"] = at === "never" ? null : readInstant("expires-at", at);
  return body;
}

function toField(option: string): string {
  return option.replaceAll("-", "_");
}
