// Writes what the edge serves of the API's description: `npm run generate:openapi`.
import { mkdirSync, writeFileSync } from "node:fs";
import { openApiDocument } from "./document.ts";
import { referencePage } from "./reference-page.ts";

const publicFolder = new URL("../../edge/public/", import.meta.url);
const document = openApiDocument();

mkdirSync(new URL("reference/", publicFolder), { recursive: true });
writeFileSync(new URL("openapi.json", publicFolder), `${JSON.stringify(document, null, 2)}\n`);
writeFileSync(new URL("reference/index.html", publicFolder), `${await referencePage(document)}\n`);
