// Regenerates shared/src/gen from the .proto files: `npm run generate:proto`.
import { execFileSync } from "node:child_process";

for (const command of ["lint", "generate"]) {
  execFileSync("buf", [command, "."], { cwd: import.meta.dirname, stdio: "inherit" });
}
