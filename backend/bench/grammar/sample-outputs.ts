import addFormats from "ajv-formats";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { GrammarId } from "#engine/grammar/compiled-grammar.ts";
import { planGrammar } from "#ingress/grammar/plan-grammar.ts";
import { decodeTokens } from "#ingress/text/detokenizer.ts";
import type { GrammarEngine } from "./pocket-engine.ts";

/** An output that takes longer is cut off: it is the beginning of a valid one, and says nothing of validity. */
const MAX_TOKENS = 400;
/** Outputs in a row that may be cut off before a schema is given up. */
const MAX_CUT_OFF = 100;

export interface SampleReport {
  readonly numSchemas: number;
  /** Outputs that ended by themselves. */
  readonly numEnded: number;
  readonly numValid: number;
  /** Outputs beside them, which did not end within 400 tokens. */
  readonly numCutOff: number;
  /** Those that are not valid, with their schema's name. */
  readonly wrong: readonly string[];
}

/** Samples outputs from the engine under each schema until so many ended by themselves, and asks ajv of each. */
export async function sampleOutputs(
  sampler: GrammarEngine,
  schemas: Readonly<Record<string, object>>,
  numPerSchema: number,
): Promise<SampleReport> {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  const counts = { numEnded: 0, numValid: 0, numCutOff: 0 };
  const wrong: string[] = [];
  for (const [name, schema] of Object.entries(schemas)) {
    const validate = ajv.compile(schema);
    const lease = await sampler.compile(planGrammar({ guided_json: schema })?.ebnf ?? "");
    let numMissing = numPerSchema;
    for (let numCutOff = 0; numMissing > 0;) {
      if (numCutOff > MAX_CUT_OFF) throw new Error(`${name}: outputs do not end`);
      const { ended, numCut } = await sampleBatch(sampler, lease.id, numMissing);
      const valid = ended.filter((text) => isValid(validate, text));
      counts.numEnded += ended.length;
      counts.numValid += valid.length;
      counts.numCutOff += numCut;
      wrong.push(...ended.filter((text) => !valid.includes(text)).map((text) => `${name}: ${text}`));
      numMissing -= ended.length;
      numCutOff += numCut;
    }
    lease.release();
  }
  return { numSchemas: Object.keys(schemas).length, ...counts, wrong };
}

async function sampleBatch(
  { engine, model, add }: GrammarEngine,
  grammar: GrammarId,
  count: number,
): Promise<{ readonly ended: readonly string[]; readonly numCut: number }> {
  const outputs = new Map(Array.from({ length: count }, () => [add(grammar, MAX_TOKENS, true), [] as number[]]));
  const ended: string[] = [];
  while (engine.hasWork) {
    for (const event of await engine.step()) {
      if (event.kind === "failed") throw new Error(event.detail);
      const tokenIds = outputs.get(event.sequenceId) ?? [];
      tokenIds.push(...event.tokenIds);
      if (event.kind === "finished" && event.finish.reason === "stop") {
        ended.push(decodeTokens(tokenIds, model.tokenizer.tokenBytes));
      }
    }
  }
  return { ended, numCut: count - ended.length };
}

function isValid(validate: (value: unknown) => boolean, text: string): boolean {
  try {
    return validate(JSON.parse(text));
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return false;
    throw thrown;
  }
}
