import { jsonLines } from "../json-lines.ts";

/** Requests of one kind. */
export interface Workload {
  readonly name: string;
  readonly prompts: readonly string[];
  readonly temperature: number;
  readonly maxTokens: number;
  /** Absent: the output is free, and ends with a stop token. */
  readonly grammar?: string;
}

const words = "lamp copper river garden violin harbor castle pencil orange button winter ladder mirror basket".split(
  " ",
);
const names = ["Mira", "Tom", "Julia", "Noah", "Lena", "Victor", "Emma", "Oscar"];
const at = <T>(items: readonly T[], index: number): T => items[index % items.length] as T;
const prompts = (count: number, write: (index: number) => string): readonly string[] =>
  Array.from({ length: count }, (_, index) => write(index));

/** Eight words, in another order each time. */
const phrase = (index: number): string =>
  Array.from({ length: 8 }, (_, word) => at(words, index * 5 + word * (1 + (index % 3)))).join(" ");

/** @param count prompts of each. */
export function makeWorkloads(count: number): readonly Workload[] {
  return [
    {
      name: "quotes its prompt",
      prompts: prompts(count, (index) => `Repeat exactly: ${phrase(index)}`),
      temperature: 0,
      maxTokens: 64,
    },
    {
      name: "JSON from its prompt",
      prompts: prompts(
        count,
        (index) =>
          `Give me a JSON object with name ${at(names, index)}, age ${20 + index} and city ${at(words, index)}.`,
      ),
      temperature: 0,
      maxTokens: 64,
    },
    {
      name: "lines of JSON under a schema, sampled",
      prompts: prompts(count, (index) => `Give me a JSON object with name ${at(names, index)} and age ${20 + index}.`),
      temperature: 1,
      maxTokens: 100,
      grammar: jsonLines(),
    },
    {
      name: "a story, sampled",
      prompts: prompts(count, (index) => `Tell me a story about a ${at(["fox", "dog", "king", "boat"], index)}.`),
      temperature: 1,
      maxTokens: 150,
    },
    {
      name: "counting",
      prompts: prompts(count, (index) => `Count from ${1 + index} to ${61 + index}.`),
      temperature: 0,
      maxTokens: 100,
    },
  ];
}
