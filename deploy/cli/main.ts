// `npm run sluice -- …`: the administration from the terminal.
import { parseArgs } from "node:util";
import { AdminApi } from "./admin-api.ts";
import type { Command, Given, Values } from "./command.ts";
import { commands } from "./commands.ts";
import { findConnection } from "./connection.ts";
import { UserError } from "./user-error.ts";

try {
  process.stdout.write(await run(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof UserError ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function run(words: readonly string[]): Promise<string> {
  const asksHelp = words.length === 0 || words[0] === "help" || words.some((word) => ["--help", "-h"].includes(word));
  const asked = words[0] === "help" ? words.slice(1) : words;
  const name = [asked.slice(0, 2).join(" "), asked[0] ?? ""].find((one) => commands[one] !== undefined);
  const command = name === undefined ? undefined : commands[name];
  if (name === undefined || command === undefined) {
    const group = Object.keys(commands).filter((one) => one.split(" ")[0] === asked[0]);
    if (asksHelp) return describeCommands(group.length > 0 ? group : Object.keys(commands));
    throw new UserError(describeUnknown(words, group));
  }
  if (asksHelp) return describe(name, command);
  const { json: wantsJson, ...given } = readWords(name, command, words.slice(name.split(" ").length));
  const api = new AdminApi(await findConnection(process.env));
  const { json, text } = await command.run(api, given);
  return wantsJson ? `${JSON.stringify(json, null, 2)}\n` : text;
}

function readWords(name: string, command: Command, words: readonly string[]): Given & { readonly json: boolean } {
  const texts = Object.keys(command.options).map((option) => [option, { type: "string" }] as const);
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: { ...Object.fromEntries(texts), json: { type: "boolean" } },
    });
    const { json = false, ...given } = values;
    const fault = faultOf(command, positionals, given);
    if (fault !== undefined) throw new UserError(`${fault}\n\n${describe(name, command)}`);
    return { args: positionals, values: given, json };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n\n${describe(name, command)}`);
  }
}

function faultOf({ takes, needsOption }: Command, args: readonly string[], values: Values): string | undefined {
  const missing = takes.find((_, at) => args[at] === undefined || args[at] === "");
  if (missing !== undefined) return `${missing} is missing.`;
  if (args.length > takes.length) return `There is one argument too many: ${args[takes.length]}`;
  const isEmpty = Object.keys(values).every((option) => option === "project");
  return needsOption && isEmpty ? "Say what to set." : undefined;
}

function describe(name: string, { summary, takes, options }: Command): string {
  const lines = Object.entries(options).map(([option, { shows }]) => `  --${option} ${shows}\n`);
  return `sluice ${[name, ...takes].join(" ")}    ${summary}\n\n${lines.join("")}  --json\n`;
}

function describeUnknown(words: readonly string[], group: readonly string[]): string {
  if (words[0]?.startsWith("-") === true) return `Options come after the command. See \`npm run -s sluice -- help\`.`;
  const unknown = `There is no command ${words.slice(0, 2).join(" ")}.`;
  return group.length > 0
    ? `${unknown}\n\n${describeCommands(group)}`
    : `${unknown} See \`npm run -s sluice -- help\`.`;
}

function describeCommands(names: readonly string[]): string {
  const usages = names.map((name) => [[name, ...(commands[name]?.takes ?? [])].join(" "), commands[name]?.summary]);
  const width = Math.max(...usages.map(([usage = ""]) => usage.length));
  const lines = usages.map(([usage = "", summary = ""]) => `  ${usage.padEnd(width)}  ${summary}\n`);
  return `npm run -s sluice -- COMMAND [--json]\n\n${lines.join("")}\nOptions of one: npm run -s sluice -- keys create --help\n`;
}
