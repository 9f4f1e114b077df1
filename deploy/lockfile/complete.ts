// Adds to package-lock.json the optional packages of platforms other than this one: `npm run lock:complete`.
//
// A registry mirror that holds one platform's binaries leaves the others' out of the lock that npm writes there, and
// `npm ci` then calls the lock out of sync, everywhere. An entry with its version and platform is all that npm needs: on
// another platform it is skipped, on its own it is fetched by name and version.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { completeLock, type Lockfile } from "./missing-platforms.ts";

const file = path.join(import.meta.dirname, "../../package-lock.json");
const lock = JSON.parse(await readFile(file, "utf8")) as Lockfile;
const added = completeLock(lock);
await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added.length} packages of other platforms added\n`);
