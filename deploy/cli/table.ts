// Things as a table for people.
import type { Thing } from "./admin-api.ts";

/** heading -> the cell of a thing. */
export type Columns = Readonly<Record<string, (thing: Thing) => string>>;

const gap = "  ";

export function formatTable(columns: Columns, things: readonly Thing[]): string {
  if (things.length === 0) return "(none)\n";
  const rows = [Object.keys(columns), ...things.map((thing) => Object.values(columns).map((cell) => cell(thing)))];
  const widths = Object.keys(columns).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join(gap)
          .trimEnd()}\n`,
    )
    .join("");
}

/** One thing, a line a field. */
export function formatThing(thing: Thing): string {
  const fields = Object.entries(thing).filter(([name]) => name !== "object");
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}${gap}${cellOf(name, value)}\n`).join("");
}

/** A column that shows the field of its name, or another one. */
export function field(name: string): (thing: Thing) => string {
  return (thing) => cellOf(name, thing[name]);
}

function cellOf(name: string, value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "number" && /_(at|time)$/.test(name)) return formatTime(value);
  return spellControls(typeof value === "string" ? value : JSON.stringify(value));
}

/** Names are anybody's: what would move the cursor, colour the terminal or turn the line around is spelled. */
function spellControls(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function formatTime(epochS: number): string {
  return new Date(epochS * 1000).toISOString().replace(".000Z", "Z");
}
