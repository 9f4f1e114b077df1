// One JSON line per event, which is what Workers observability indexes. The only file that may touch `console`.

/** Fields of a log line. Never a key, a secret, a prompt or a body. */
type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  info(event: string, fields: LogFields): void;
  error(event: string, fields: LogFields): void;
}

export const jsonLogger: Logger = {
  info(event, fields) {
    // oxlint-disable-next-line no-console -- the sink itself
    console.log(JSON.stringify({ level: "info", event, ...fields }));
  },
  error(event, fields) {
    // oxlint-disable-next-line no-console -- the sink itself
    console.error(JSON.stringify({ level: "error", event, ...fields }));
  },
};
