// `npm run chat`: a conversation with the running stack, streamed to the terminal.
import { createInterface } from "node:readline/promises";
import OpenAI from "openai";
import { readStackConfig } from "./config.ts";
import { readStackFile, type StackFile } from "./stack-file.ts";

const stack = await findStack();
if (stack === undefined) {
  process.stderr.write("No stack is running. Start one in another terminal: npm start\n");
  process.exit(1);
}

const client = new OpenAI({ baseURL: stack.baseUrl, apiKey: stack.apiKey });
const messages: OpenAI.ChatCompletionMessageParam[] = [];
const terminal = createInterface({ input: process.stdin, output: process.stdout });
let answering: AbortController | undefined;
let isOpen = true;
terminal.on("close", () => (isOpen = false));

// Ctrl-C cuts an answer short; between answers it ends the conversation.
terminal.on("SIGINT", () => {
  if (answering === undefined) terminal.close();
  else answering.abort();
});

process.stdout.write(`Talking to ${stack.model}. Ctrl-C stops an answer, Ctrl-D ends.\n`);
terminal.setPrompt("\nyou> ");
terminal.prompt();
for await (const line of terminal) {
  if (line.trim() !== "") await answer(line);
  if (isOpen) terminal.prompt();
}
process.stdout.write("\n");

/** Streams one answer and keeps it, with its question, for the next turn. A refusal is shown and forgotten. */
async function answer(question: string): Promise<void> {
  if (stack === undefined) return;
  answering = new AbortController();
  let text = "";
  try {
    const stream = await client.chat.completions.create(
      { model: stack.model, stream: true, messages: [...messages, { role: "user", content: question }] },
      { signal: answering.signal },
    );
    for await (const chunk of stream) {
      const delta = chunk.choices[0]?.delta.content ?? "";
      text += delta;
      process.stdout.write(delta);
    }
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  } finally {
    answering = undefined;
  }
  process.stdout.write("\n");
  if (text !== "") messages.push({ role: "user", content: question }, { role: "assistant", content: text });
}

/** Ends with a sentence where the environment or the file is not usable. */
async function findStack(): Promise<StackFile | undefined> {
  try {
    return await readStackFile(readStackConfig(process.env).stateDir);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
