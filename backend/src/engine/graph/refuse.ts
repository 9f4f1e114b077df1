import { UnsupportedModelError } from "./model-errors.ts";

/** @throws UnsupportedModelError always, naming the field of config.json and its value. */
export function refuse(field: string, value: unknown, reason = "is not supported"): never {
  throw new UnsupportedModelError(`config.json: ${field} = ${JSON.stringify(value)} ${reason}`);
}
