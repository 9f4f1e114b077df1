// How a sequence's hidden states become one vector, as sentence-transformers writes it beside a checkpoint: modules.json
// lists what the hidden states pass through, and the pooling module's folder says which pooling it is.
// Source: sentence-transformers, models/Pooling.py and models/Normalize.py.
import { basename, join } from "node:path";
import { z } from "zod";
import { CheckpointError, UnsupportedModelError } from "./model-errors.ts";
import { readJson } from "./read-json.ts";

/** `last`: the last token's hidden state; `mean`: the mean over all tokens. */
export type Pooling = "last" | "mean";

const modulesFile = "modules.json";
const usualPoolingFolder = "1_Pooling";

const modulesSchema = z.array(z.looseObject({ type: z.string(), path: z.string() }));
const poolingSchema = z.looseObject({ include_prompt: z.boolean().optional() });

/** Prefix of the flags in a pooling module's config.json; several may be on, and are then concatenated. */
const modePrefix = "pooling_mode_";
// flag, without its prefix -> what it means
const modes: Readonly<Record<string, Pooling>> = { lasttoken: "last", mean_tokens: "mean" };

/**
 * The pooling that the directory asks for, by default a decoder's: the last token has seen all others.
 *
 * @throws UnsupportedModelError naming a module or a pooling that is not supported.
 */
export async function readPooling(modelDir: string): Promise<Pooling> {
  const folder = await findPoolingFolder(modelDir);
  const file = join(folder, "config.json");
  const json = await readJson(join(modelDir, file));
  if (json === undefined) return "last";
  const config = poolingSchema.safeParse(json);
  if (!config.success) throw new CheckpointError(`${file}: ${config.error.issues[0]?.message}`);
  if (config.data.include_prompt === false) {
    throw new UnsupportedModelError(`${file}: include_prompt = false is not supported`);
  }
  const wanted = Object.keys(config.data).filter((key) => key.startsWith(modePrefix) && config.data[key] === true);
  const pooling = modes[wanted.join("+").slice(modePrefix.length)];
  if (pooling !== undefined) return pooling;
  const supported = Object.keys(modes).map((mode) => modePrefix + mode);
  const found = wanted.join(" with ") || "no pooling mode";
  throw new UnsupportedModelError(`${file}: ${found} is not supported; ${supported.join(" and ")} are`);
}

/** The pooling module's folder. Vectors are always normalized, so a module that does it is no news; any other one is. */
async function findPoolingFolder(modelDir: string): Promise<string> {
  const json = await readJson(join(modelDir, modulesFile));
  if (json === undefined) return usualPoolingFolder;
  const modules = modulesSchema.safeParse(json);
  if (!modules.success) throw new CheckpointError(`${modulesFile}: ${modules.error.issues[0]?.message}`);
  let folder = usualPoolingFolder;
  for (const { type, path } of modules.data) {
    const name = type.split(".").at(-1);
    if (name === "Pooling" && basename(path) === path) folder = path;
    else if (name !== "Transformer" && name !== "Normalize") {
      throw new UnsupportedModelError(`${modulesFile}: the module ${type} is not supported`);
    }
  }
  return folder;
}
