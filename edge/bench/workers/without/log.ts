// A log that keeps nothing.
import type { Logger } from "../../../src/logger.ts";

export const jsonLogger: Logger = { info: () => undefined, error: () => undefined };
