import type { Logger } from "./logger.ts";

/**
 * Runs `close` once on SIGTERM or SIGINT and exits: 0 when it finished, 1 when it failed or took longer than `graceMs`.
 * A second signal exits at once.
 */
export function onShutdown(close: () => Promise<void>, graceMs: number, logger: Logger): void {
  let closing = false;
  const shutdown = (signal: NodeJS.Signals): void => {
    if (closing) process.exit(1);
    closing = true;
    logger.info({ signal, graceMs }, "shutting down");
    setTimeout(() => process.exit(1), graceMs).unref();
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, "shutdown failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", shutdown);
  process.on("SIGINT", shutdown);
}
