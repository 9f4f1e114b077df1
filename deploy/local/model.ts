// Finds the checkpoint to serve: a Hugging Face directory as it is, or a Hub id, downloaded once into the state directory.
import { createWriteStream, existsSync } from "node:fs";
import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { downloadFile, listFiles } from "@huggingface/hub";
import { repositoryRoot } from "./config.ts";
import type { Progress } from "./progress.ts";

export interface LocalModel {
  readonly directory: string;
  /** The directory's name, or the whole Hub id. */
  readonly name: string;
}

/** Written last: a checkpoint that has it is whole. */
const completeMark = ".complete";

const hubIdPattern = /^[\w.-]+\/[\w.-]+$/;
const wantedFile =
  /^(config|generation_config|tokenizer|tokenizer_config)\.json$|^chat_template\.jinja$|^model.*\.safetensors(\.index\.json)?$/;
/** How a checkpoint for embeddings is pooled, as sentence-transformers writes it. */
const poolingFile = /^modules\.json$|^\d+_[A-Za-z]+\/config\.json$/;

/**
 * @param hubUrl where Hub ids are looked up; another mirror than huggingface.co, or undefined for that one
 * @throws Error that says what was looked for when `model` is neither a checkpoint directory nor a Hub id.
 */
export async function resolveModel(
  model: string,
  stateDir: string,
  progress: Progress,
  hubUrl?: string,
): Promise<LocalModel> {
  const directory = path.resolve(repositoryRoot, model);
  if (existsSync(directory)) return checkDirectory(directory);
  if (!hubIdPattern.test(model)) {
    throw new Error(
      `SLUICE_MODEL=${model} is neither a directory nor a Hub id such as HuggingFaceTB/SmolLM2-135M-Instruct.`,
    );
  }
  const target = path.join(stateDir, "models", model);
  if (!existsSync(path.join(target, completeMark))) await downloadCheckpoint(model, target, progress, hubUrl);
  return { ...checkDirectory(target), name: model };
}

function checkDirectory(directory: string): LocalModel {
  for (const file of ["config.json", "tokenizer.json"]) {
    if (!existsSync(path.join(directory, file))) {
      throw new Error(`${directory} is not a Hugging Face checkpoint: it has no ${file}.`);
    }
  }
  return { directory, name: path.basename(directory) };
}

/** Files that are there in full size are kept, so that an interrupted download goes on where it stopped. */
async function downloadCheckpoint(
  repository: string,
  directory: string,
  progress: Progress,
  hubUrl: string | undefined,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const hub = { repo: { type: "model", name: repository } as const, ...(hubUrl === undefined ? {} : { hubUrl }) };
  try {
    for await (const file of listFiles({ ...hub, recursive: true })) {
      if (file.type === "file" && (wantedFile.test(file.path) || poolingFile.test(file.path))) {
        await downloadOnce(hub, file.path, file.size, directory, progress);
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Could not download ${repository} from the Hugging Face Hub: ${reason}`, { cause: error });
  }
  await writeFile(path.join(directory, completeMark), "");
}

async function downloadOnce(
  hub: { readonly repo: { readonly type: "model"; readonly name: string }; readonly hubUrl?: string },
  file: string,
  sizeBytes: number,
  directory: string,
  progress: Progress,
): Promise<void> {
  const target = path.join(directory, file);
  if (existsSync(target) && (await stat(target)).size === sizeBytes) return;
  await mkdir(path.dirname(target), { recursive: true });
  const blob = await downloadFile({ ...hub, path: file });
  if (blob === null) throw new Error(`${file} is listed but missing`);
  let receivedBytes = 0;
  const counted = Readable.fromWeb(blob.stream()).on("data", (chunk: Uint8Array) => {
    receivedBytes += chunk.byteLength;
    progress.update(`downloading ${file} ${Math.floor((100 * receivedBytes) / Math.max(1, sizeBytes))} %`);
  });
  await pipeline(counted, createWriteStream(`${target}.partial`));
  await rename(`${target}.partial`, target);
}
