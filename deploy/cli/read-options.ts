// Values of options, as people write them.
import { UserError } from "./user-error.ts";

const unitsS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 24 * 3600 };

/** `90d`, `12h`, `30m`, `45s` or bare seconds, in seconds. */
export function readDuration(option: string, text: string): number {
  const [, digits, unit = "s"] = /^(\d+)([smhd]?)$/.exec(text) ?? [];
  if (digits === undefined) throw new UserError(`--${option} is a duration such as 90d, 12h, 30m or 45s.`);
  return Number(digits) * (unitsS[unit === "" ? "s" : unit] ?? 1);
}

/** An ISO date or time, in Unix seconds. */
export function readInstant(option: string, text: string): number {
  const epochMs = Date.parse(text);
  if (Number.isNaN(epochMs))
    throw new UserError(`--${option} is a date or time such as 2027-01-31 or 2027-01-31T12:00Z.`);
  return Math.floor(epochMs / 1000);
}

/** `none` lifts a limit. */
export function readCount(option: string, text: string): number | null {
  if (text === "none") return null;
  if (!/^\d+$/.test(text)) throw new UserError(`--${option} is a whole number, or none.`);
  return Number(text);
}

/** `a,b`; `none` lifts a list. */
export function readList(text: string): string[] | null {
  if (text === "none") return null;
  return text.split(",").map((part) => part.trim());
}

export function readYesOrNo(option: string, text: string): boolean {
  if (text !== "yes" && text !== "no") throw new UserError(`--${option} is yes or no.`);
  return text === "yes";
}
