// What the ingress reads of a Hugging Face model directory: everything about text, nothing about weights.
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { ChatTemplate } from "./chat-template.ts";
import { type ReasoningFormat, type ReasoningFormatName, reasoningFormatOf } from "./reasoning/reasoning-format.ts";
import { Tokenizer } from "./tokenizer.ts";
import { toolFormatOf } from "./tool-calls/find-tool-format.ts";
import type { ToolFormat, ToolFormatName } from "./tool-calls/tool-format.ts";

const tokenizerFile = "tokenizer.json";

const tokenSchema = z.union([z.string(), z.looseObject({ content: z.string() }).transform((token) => token.content)]);

const tokenizerConfigSchema = z.looseObject({
  bos_token: tokenSchema.nullish(),
  eos_token: tokenSchema.nullish(),
  chat_template: z
    .union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))])
    .nullish()
    .transform((found) =>
      Array.isArray(found) ? found.find((template) => template.name === "default")?.template : (found ?? undefined),
    ),
});

const generationConfigSchema = z.looseObject({
  eos_token_id: z.union([z.int(), z.array(z.int())]).nullish(),
  /** Said to be false, it makes greedy the default. Absent it says nothing: most checkpoints leave it out. */
  do_sample: z.boolean().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().min(0.01).max(100).nullish(),
});

const modelConfigSchema = z.looseObject({ vocab_size: z.int().optional() });

/** What a request that does not say otherwise is sampled with. */
interface SamplingDefaults {
  readonly temperature: number;
  readonly topP: number;
  /** 0 keeps all tokens. */
  readonly topK: number;
  /** 0 keeps all tokens. */
  readonly minP: number;
  /** 1 is none. */
  readonly repetitionPenalty: number;
}

export interface ServedModel {
  readonly id: string;
  /** Seconds since the Unix epoch at which the files were made; the same at every ingress that has the same files. */
  readonly createdS: number;
  readonly tokenizer: Tokenizer;
  /** Absent when the model is not a chat model. */
  readonly chatTemplate: ChatTemplate | undefined;
  /** How it writes calls; undefined when `tools` cannot be given. */
  readonly toolFormat: ToolFormat | undefined;
  /** How it marks its thoughts; undefined when it has none. */
  readonly reasoningFormat: ReasoningFormat | undefined;
  readonly stopTokenIds: readonly number[];
  readonly samplingDefaults: SamplingDefaults;
}

/** How an output is read; `auto` is as the chat template shows. */
export interface OutputFormats {
  readonly toolCalls: "auto" | "none" | ToolFormatName;
  readonly reasoning: "auto" | "none" | ReasoningFormatName;
}

const formatsOfTemplate: OutputFormats = { toolCalls: "auto", reasoning: "auto" };

/** Loads a model directory. Throws an Error of one line when tokenizer.json is missing, or any of the files is malformed. */
export async function loadServedModel(
  directory: string,
  id: string,
  formats: OutputFormats = formatsOfTemplate,
): Promise<ServedModel> {
  const tokenizerPath = path.join(directory, tokenizerFile);
  const tokenizer = await loadTokenizer(directory);
  const tokenizerConfig = await readParsed(directory, "tokenizer_config.json", tokenizerConfigSchema);
  const generationConfig = await readParsed(directory, "generation_config.json", generationConfigSchema);
  const { vocab_size: modelVocabSize } = await readParsed(directory, "config.json", modelConfigSchema);
  if (modelVocabSize !== undefined && tokenizer.plainVocabSize > modelVocabSize) {
    throw new Error(
      `${tokenizerPath}: ${tokenizer.plainVocabSize} tokens, but config.json has vocab_size ${modelVocabSize}; take the tokenizer that belongs to the checkpoint`,
    );
  }
  const template = (await readText(directory, "chat_template.jinja")) ?? tokenizerConfig.chat_template;
  return {
    id,
    createdS: Math.floor((await stat(tokenizerPath)).mtimeMs / 1000),
    tokenizer,
    chatTemplate:
      template === undefined
        ? undefined
        : new ChatTemplate(template, {
            bosToken: tokenizerConfig.bos_token ?? "",
            eosToken: tokenizerConfig.eos_token ?? "",
          }),
    toolFormat: template === undefined ? undefined : toolFormatOf(formats.toolCalls, template),
    reasoningFormat: template === undefined ? undefined : reasoningFormatOf(formats.reasoning, template),
    stopTokenIds: [generationConfig.eos_token_id ?? []].flat(),
    samplingDefaults: {
      temperature: generationConfig.do_sample === false ? 0 : (generationConfig.temperature ?? 1),
      topP: generationConfig.top_p ?? 1,
      topK: generationConfig.top_k ?? 0,
      minP: generationConfig.min_p ?? 0,
      repetitionPenalty: generationConfig.repetition_penalty ?? 1,
    },
  };
}

async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const file = path.join(directory, tokenizerFile);
  const text = await readText(directory, tokenizerFile);
  if (text === undefined) {
    throw new Error(`${file} is missing; download it, or convert the tokenizer with transformers' AutoTokenizer`);
  }
  try {
    return new Tokenizer(text);
  } catch (cause) {
    throw new Error(`${file}: not a tokenizer that can be served: ${oneLine(cause)}`, { cause });
  }
}

/** An absent file reads as an empty object: only tokenizer.json is required. */
async function readParsed<Schema extends z.ZodType>(
  directory: string,
  name: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = (await readText(directory, name)) ?? "{}";
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${path.join(directory, name)}: ${oneLine(cause)}`, { cause });
  }
}

function oneLine(error: unknown): string {
  const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
  if (issue !== undefined) return `${issue.path.join(".")}: ${issue.message}`;
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " ");
}

async function readText(directory: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(path.join(directory, name), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
