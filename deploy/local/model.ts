// Finds the checkpoint to serve: a Hugging Face directory as it is, or a Hub id, downloaded once into the state directory.
import { createWriteStream, existsSync } from "node:fs";
import { mkdir, rename, stat } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { downloadFile, listFiles } from "@huggingface/hub";
import { repositoryRoot } from "./config.ts";
import type { Progress } from "./progress.ts";

export interface LocalModel {
  readonly directory: string;
  /** The last part of the directory's or repository's name. */
  readonly name: string;
}

const hubIdPattern = /^[\w.-]+\/[\w.-]+$/;
const wantedFile =
  /^(config|generation_config|tokenizer|tokenizer_config)\.json$|^chat_template\.jinja$|^model.*\.safetensors(\.index\.json)?$/;

/** @throws Error that says what was looked for when `model` is neither a checkpoint directory nor a Hub id. */
export async function resolveModel(model: string, stateDir: string, progress: Progress): Promise<LocalModel> {
  const directory = path.resolve(repositoryRoot, model);
  if (existsSync(directory)) return checkDirectory(directory);
  if (!hubIdPattern.test(model)) {
    throw new Error(
      `SLUICE_MODEL=${model} is neither a directory nor a Hub id such as HuggingFaceTB/SmolLM2-135M-Instruct.`,
    );
  }
  return checkDirectory(await downloadCheckpoint(model, path.join(stateDir, "models", model), progress));
}

function checkDirectory(directory: string): LocalModel {
  for (const file of ["config.json", "tokenizer.json"]) {
    if (!existsSync(path.join(directory, file))) {
      throw new Error(`${directory} is not a Hugging Face checkpoint: it has no ${file}.`);
    }
  }
  return { directory, name: path.basename(directory) };
}

async function downloadCheckpoint(repository: string, directory: string, progress: Progress): Promise<string> {
  await mkdir(directory, { recursive: true });
  const repo = { type: "model", name: repository } as const;
  try {
    for await (const file of listFiles({ repo })) {
      if (file.type === "file" && wantedFile.test(file.path)) {
        await downloadOnce(repo, file.path, file.size, directory, progress);
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Could not download ${repository} from the Hugging Face Hub: ${reason}`, { cause: error });
  }
  return directory;
}

/** A file that is there in full size is kept; a partial one lies under another name and is fetched again. */
async function downloadOnce(
  repo: { type: "model"; name: string },
  file: string,
  sizeBytes: number,
  directory: string,
  progress: Progress,
): Promise<void> {
  const target = path.join(directory, file);
  if (existsSync(target) && (await stat(target)).size === sizeBytes) return;
  const blob = await downloadFile({ repo, path: file });
  if (blob === null) throw new Error(`${file} is listed but missing`);
  let receivedBytes = 0;
  const counted = Readable.fromWeb(blob.stream()).on("data", (chunk: Uint8Array) => {
    receivedBytes += chunk.byteLength;
    progress.update(`downloading ${file} ${Math.floor((100 * receivedBytes) / Math.max(1, sizeBytes))} %`);
  });
  await pipeline(counted, createWriteStream(`${target}.partial`));
  await rename(`${target}.partial`, target);
}
