// llama.cpp's own server, whose binary the caller brings. What it would do beyond the work that is measured (prompt copies in
// host memory, its page, fitting itself to a GPU) is switched off; requests ask for the cheapest greedy sampler it has.
import { type IncomingMessage, request as startRequest } from "node:http";
import { createServer } from "node:net";
import { BenchChild } from "./child-process.ts";
import type { Contender, Job, PrecisionClass, Setup } from "./contender.ts";

/** llama.cpp rounds a slot's context up to this. */
const contextStep = 256;

interface Chunk {
  readonly tokens: readonly number[];
  readonly stop: boolean;
}

// precision class -> GGUF file
export function llamaServer(binary: string, ggufs: Readonly<Record<PrecisionClass, string>>): Contender {
  return {
    name: "llama-server",
    async start(setup) {
      const port = await findFreePort();
      const child = new BenchChild(binary, toArgs(ggufs[setup.precision], port, setup));
      await child.find((line) => (/server is listening|listening on http/.test(line) ? true : undefined));
      return { pid: child.pid, generate: (job) => complete(port, job), stop: () => child.stop() };
    },
  };
}

function toArgs(gguf: string, port: number, setup: Setup): readonly string[] {
  const { numThreads, numSequences } = setup;
  const slotTokens = Math.ceil(setup.maxSequenceTokens / contextStep) * contextStep;
  const options = {
    "--model": gguf,
    "--host": "127.0.0.1",
    "--port": String(port),
    "--threads": String(numThreads),
    "--threads-batch": String(numThreads),
    "--parallel": String(numSequences),
    "--ctx-size": String(numSequences * slotTokens),
    "--cache-ram": "0",
    "--ctx-checkpoints": "0",
    "--fit": "off",
  };
  return [...Object.entries(options).flat(), "--no-kv-unified", "--no-ui", "--offline"];
}

async function* complete(port: number, job: Job): AsyncGenerator<readonly number[]> {
  const response = await post(port, {
    prompt: job.promptTokenIds,
    n_predict: job.maxTokens,
    id_slot: job.slot,
    cache_prompt: true,
    stream: true,
    return_tokens: true,
    ignore_eos: true,
    temperature: 0,
    samplers: ["top_k"],
    top_k: 1,
  });
  let numTokens = 0;
  for await (const { tokens } of readEvents(response)) {
    numTokens += tokens.length;
    if (tokens.length > 0) yield tokens;
  }
  if (numTokens !== job.maxTokens) throw new Error(`llama-server gave ${numTokens} tokens of ${job.maxTokens}`);
}

function post(port: number, body: object): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = startRequest({ agent: false, host: "127.0.0.1", port, path: "/completion", method: "POST" });
    request.once("response", (response) => {
      if (response.statusCode === 200) resolve(response);
      else reject(new Error(`llama-server answered ${response.statusCode}`));
    });
    request.once("error", reject);
    request.end(JSON.stringify(body));
  });
}

async function* readEvents(response: IncomingMessage): AsyncGenerator<Chunk> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const text of response as AsyncIterable<string>) {
    const events = (rest + text).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) yield JSON.parse(event.slice("data: ".length)) as Chunk;
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no TCP address"));
        else resolve(address.port);
      });
    });
  });
}
