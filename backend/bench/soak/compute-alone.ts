import type { ServedModel } from "#ingress/text/served-model.ts";
import { type Answer, describe, emptyAnswer, isBeginning, receive } from "./answer.ts";
import { SoakEngine } from "./soak-engine.ts";
import { type SoakPlan, withId } from "./soak-plan.ts";

/** A request, and what it is to give in any company. */
export interface Known {
  readonly asked: SoakPlan;
  readonly alone: Answer;
}

const ample = {
  SLUICE_BLOCK_SIZE: "16",
  SLUICE_NUM_BLOCKS: "1024",
  SLUICE_PREFIX_CACHING: "off",
  SLUICE_NUM_SPECULATIVE_TOKENS: "0",
};
const timeoutMs = 120_000;

/** One request at a time, in an engine with room for it no prefix cache and no guesses. @throws when a first choice is not what n = 1 gives. */
export async function computeAlone(plans: readonly SoakPlan[], model: ServedModel): Promise<readonly Known[]> {
  const engine = await SoakEngine.start(ample);
  try {
    const ask = async (asked: SoakPlan): Promise<Answer> => {
      const answer = emptyAnswer(asked);
      const limits = { signal: new AbortController().signal, deadlineMs: Date.now() + timeoutMs };
      await receive({ asked, model, pool: engine.pool }, limits, answer);
      return answer;
    };
    const known: Known[] = [];
    for (const [index, asked] of plans.entries()) {
      const alone = await ask(withId(asked, `alone-${index}`));
      if (asked.kind === "text" && asked.plan.n > 1) {
        const single = await ask({ kind: "text", plan: { ...asked.plan, n: 1, requestId: `single-${index}` } });
        if (!isBeginning(single, alone)) {
          throw new Error(`the first choice is not the only one's: ${describe(asked, single, alone)}`);
        }
      }
      known.push({ asked, alone });
    }
    return known;
  } finally {
    await engine.stop();
  }
}
