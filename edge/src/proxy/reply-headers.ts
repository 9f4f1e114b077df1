/** A region's headers that a caller may see. */
const returnedHeaders = [
  "cache-control",
  "content-length",
  "content-type",
  "openai-model",
  "openai-processing-ms",
  "openai-version",
  "retry-after",
  "retry-after-ms",
] as const;

/** The headers of a reply that came from `regionId`. */
export function replyHeaders(fromRegion: Headers, regionId: string): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { "x-sluice-region": regionId };
  for (const name of returnedHeaders) {
    const value = fromRegion.get(name);
    if (value !== null) headers[name] = value;
  }
  return headers;
}

/** Whether a reply is a stream of server-sent events. */
export function isEventStream(headers: Headers): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}
