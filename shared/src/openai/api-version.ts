/** What OpenAI says in `openai-version` of the API that this one follows. */
export const apiVersion = "2020-10-01";
