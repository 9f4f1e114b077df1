// `checkedFetch` that also lets nothing pass, neither way, that is not as `/openapi.json` says.
import { checkedFetch } from "./checked-fetch.ts";
import { fetchDocument } from "./our-document.ts";
import { isEventStream, watchEvents } from "./watch-events.ts";

/** `baseUrl` ends in `/v1`. What was refused may be as wrong as it likes. */
export function documentedFetch(baseUrl: string): typeof fetch {
  const fetchChecked = checkedFetch(baseUrl);
  const documented = fetchDocument(new URL(baseUrl).origin);
  return async (input, init) => {
    const request = new Request(input, init);
    const { method } = request;
    const { pathname } = new URL(request.url);
    const body = method === "POST" ? await request.clone().text() : undefined;
    const response = await fetchChecked(request);
    if (!response.ok) return response;
    const assertDocumented = await documented;
    if (body !== undefined && body !== "") assertDocumented(method, pathname, "request", JSON.parse(body));
    if (!isEventStream(response) || response.body === null) {
      assertDocumented(method, pathname, "answer", await response.clone().json());
      return response;
    }
    const onEvent = (payload: unknown): void => assertDocumented(method, pathname, "event", payload);
    return new Response(watchEvents(response.body, { onEvent }), response);
  };
}
