// Values of options, as people write them.
import * as z from "zod";
import { UserError } from "./user-error.ts";

const unitsS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 24 * 3600 };

/** `90d`, `12h`, `30m`, `45s` or bare seconds, in seconds. */
export function readDuration(option: string, text: string): number {
  const [, digits, unit = "s"] = /^(\d+)([smhd]?)$/.exec(text) ?? [];
  if (digits === undefined) throw new UserError(`--${option} is a duration such as 90d, 12h, 30m or 45s.`);
  return Number(digits) * (unitsS[unit === "" ? "s" : unit] ?? 1);
}

const instantSchema = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);

/** An ISO date, which begins in UTC, or a time with its zone, in Unix seconds: the same on every machine. */
export function readInstant(option: string, text: string): number {
  if (!instantSchema.safeParse(text).success) {
    throw new UserError(
      `--${option} is a date such as 2027-01-31, or a time with its zone: 2027-01-31T12:00Z, …+01:00.`,
    );
  }
  return Math.floor(Date.parse(text) / 1000);
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
