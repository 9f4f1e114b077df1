import type { Command } from "./command.ts";
import { adminKeyCommands } from "./admin-keys.ts";
import { keyCommands } from "./keys.ts";
import { organizationCommands } from "./organization.ts";
import { ownerCommands } from "./owner.ts";
import { projectCommands } from "./projects.ts";
import { rateLimitCommands } from "./rate-limits.ts";
import { usageCommands } from "./usage.ts";

/** By name: one word or two, as they are written after `sluice`. */
export const commands: Readonly<Record<string, Command>> = {
  ...keyCommands,
  ...projectCommands,
  ...ownerCommands,
  ...rateLimitCommands,
  ...usageCommands,
  ...adminKeyCommands,
  ...organizationCommands,
};
