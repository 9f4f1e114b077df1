/**
 * OpenAI's clients wait for as long as `retry-after-ms` says, unless that is longer than this: then they follow their own backoff.
 * Source: openai-node client.ts, retryRequest; openai-python _base_client.py, _calculate_retry_timeout.
 */
export const clientPatienceMs = 60_000;
