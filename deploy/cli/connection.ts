// Which edge to administer, and with which key.
import { readStackConfig } from "../local/config.ts";
import { readStackFile, type StackFile } from "../local/stack-file.ts";
import { UserError } from "./user-error.ts";

export interface Connection {
  /** `…/v1/organization`. */
  readonly adminUrl: string;
  readonly adminKey: string;
  /** What to do when nobody answers there. */
  readonly remedy: string;
}

/** SLUICE_ADMIN_URL and SLUICE_ADMIN_KEY, or else the stack that runs on this machine. @throws UserError when there is neither. */
export async function findConnection(env: NodeJS.ProcessEnv): Promise<Connection> {
  const { SLUICE_ADMIN_URL: url, SLUICE_ADMIN_KEY: adminKey } = env;
  if (url !== undefined && adminKey !== undefined) {
    return { adminUrl: toAdminUrl(url), adminKey, remedy: "Check SLUICE_ADMIN_URL." };
  }
  if (url !== undefined) throw new UserError("SLUICE_ADMIN_URL is set, but not SLUICE_ADMIN_KEY. Set both.");
  const stack = await findStack(env);
  if (stack === undefined) {
    throw new UserError(
      "No stack is running here. Start one with `npm start`, or set SLUICE_ADMIN_URL (https://your-edge) and SLUICE_ADMIN_KEY.",
    );
  }
  const remedy = "Is the stack still running? `npm start` says what it needs.";
  return { adminUrl: stack.adminUrl, adminKey: adminKey ?? stack.adminKey, remedy };
}

async function findStack(env: NodeJS.ProcessEnv): Promise<StackFile | undefined> {
  try {
    return await readStackFile(readStackConfig(env).stateDir);
  } catch (cause) {
    throw new UserError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Also takes the edge's own address. */
function toAdminUrl(url: string): string {
  if (!URL.canParse(url)) throw new UserError("SLUICE_ADMIN_URL is not a URL. It looks like https://your-edge.");
  const trimmed = url.replace(/\/+$/, "");
  return trimmed.endsWith("/v1/organization") ? trimmed : `${trimmed.replace(/\/v1$/, "")}/v1/organization`;
}
