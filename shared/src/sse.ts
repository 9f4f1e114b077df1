// Server-sent events as OpenAI streams them: one `data:` line an event, `[DONE]` at the end, comments as heartbeat.
// Source: WHATWG HTML, section 9.2 "Server-sent events".

/** One event. JSON has no raw newline, so one `data:` line is always enough. */
export function encodeEvent(payload: unknown): string {
  return `data: ${JSON.stringify(payload)}\n\n`;
}

/** The last event of a stream that ended well. A stream without it did not. */
export const doneEvent = "data: [DONE]\n\n";

/** A comment: clients skip it, a vanished client's socket does not. */
export const pingComment = ": ping\n\n";

/** An event that says its type twice, as the Responses API has it: in its JSON, and to clients that listen by name. */
export function encodeTypedEvent(payload: { readonly type: string }): string {
  return `event: ${payload.type}\n${encodeEvent(payload)}`;
}
