import { Histogram, type Registry } from "prom-client";
import type { EngineClient } from "#engine/engine-client.ts";
import {
  choiceBuckets,
  firstTokenBuckets,
  nextTokenBuckets,
  requestBuckets,
  stepTokenBuckets,
  tokenCountBuckets,
} from "#platform/latency-buckets.ts";
import type { FinishedRequest, RequestObserver } from "./request-timer.ts";

/** Which labels a sample has: the model and the engine. */
export type EngineLabels = Readonly<Record<"model_name" | "engine", string>>;

/** Histograms of what requests and steps took, under vLLM's names; they have no samples before there is one to tell of. */
export function observeRequests(registry: Registry, client: EngineClient, labels: EngineLabels): RequestObserver {
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, labelNames: Object.keys(labels), registers: [registry] });
  const ofRequests = (name: string, help: string) => histogram(name, help, requestBuckets);

  const firstToken = histogram(
    "vllm:time_to_first_token_seconds",
    "From a request's call to its first token.",
    firstTokenBuckets,
  );
  const nextToken = histogram("vllm:inter_token_latency_seconds", "From one token to the next.", nextTokenBuckets);
  const perToken = histogram(
    "vllm:request_time_per_output_token_seconds",
    "A request's mean time from one token to the next.",
    nextTokenBuckets,
  );
  const e2e = ofRequests("vllm:e2e_request_latency_seconds", "From a request's call to its last token.");
  const queue = ofRequests("vllm:request_queue_time_seconds", "From a request's call to its first step.");
  const inference = ofRequests("vllm:request_inference_time_seconds", "From a request's first step to its last token.");
  const prefill = ofRequests("vllm:request_prefill_time_seconds", "From a request's first step to its first token.");
  const decode = ofRequests("vllm:request_decode_time_seconds", "From a request's first token to its last.");

  const stepTokens = histogram("vllm:iteration_tokens_total", "Tokens computed in a step.", stepTokenBuckets);
  client.onStep(({ numPrefillTokens, numDecodeTokens, numDraftTokens }) =>
    stepTokens.observe(labels, numPrefillTokens + numDecodeTokens + numDraftTokens),
  );

  const choices = histogram("vllm:request_params_n", "Choices that a request asks for.", choiceBuckets);

  // How long a sequence may be is known once the model is.
  let tokenCounts: ReturnType<typeof createTokenCounts> | undefined;
  const createTokenCounts = (maxModelLen: number) => {
    const counts = (name: string, help: string) => histogram(name, help, tokenCountBuckets(maxModelLen));
    return {
      prompt: counts("vllm:request_prompt_tokens", "Tokens of a request's prompt."),
      computed: counts("vllm:request_prefill_kv_computed_tokens", "Those of them that no cache had."),
      generation: counts("vllm:request_generation_tokens", "Tokens sampled for a request."),
      longest: counts("vllm:request_max_num_generation_tokens", "Tokens sampled for a request's longest choice."),
      maxTokens: counts("vllm:request_params_max_tokens", "Tokens that a request asks for at most."),
    };
  };
  const stopWaiting = client.onChange(() => {
    if (client.model === undefined) return;
    stopWaiting();
    tokenCounts = createTokenCounts(client.model.spec.maxModelLen);
  });

  return {
    noteAdmitted: ({ n, maxTokens }) => {
      choices.observe(labels, n);
      tokenCounts?.maxTokens.observe(labels, maxTokens);
    },
    noteLongest: (numTokens) => tokenCounts?.longest.observe(labels, numTokens),
    noteFirstToken: (afterMs) => firstToken.observe(labels, afterMs / 1e3),
    noteNextToken: (afterMs) => nextToken.observe(labels, afterMs / 1e3),
    noteFinished: ({ finish, queueMs, prefillMs, decodeMs, e2eMs }: FinishedRequest) => {
      queue.observe(labels, queueMs / 1e3);
      prefill.observe(labels, prefillMs / 1e3);
      decode.observe(labels, decodeMs / 1e3);
      inference.observe(labels, (prefillMs + decodeMs) / 1e3);
      e2e.observe(labels, e2eMs / 1e3);
      if (finish.numCompletionTokens > 1) {
        perToken.observe(labels, decodeMs / (finish.numCompletionTokens - 1) / 1e3);
      }
      tokenCounts?.prompt.observe(labels, finish.numPromptTokens);
      tokenCounts?.computed.observe(labels, finish.numPromptTokens - finish.numCachedTokens);
      tokenCounts?.generation.observe(labels, finish.numCompletionTokens);
    },
  };
}
