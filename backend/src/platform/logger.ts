import pino from "pino";

export type Logger = pino.Logger;

/** A JSON-lines logger on stdout. `process` names the process in every line. Never log prompts, keys or passports. */
export function createLogger(process: string, level = "info"): Logger {
  return pino({ level, base: { process }, timestamp: pino.stdTimeFunctions.isoTime });
}
