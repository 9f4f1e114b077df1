// `checkedFetch` that also lets nothing pass, neither way, that is not as `/openapi.json` says.
import { checkedFetch } from "./checked-fetch.ts";
import { fieldsOf } from "./form-fields.ts";
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
    const body = method === "POST" ? await bodyOf(request.clone()) : undefined;
    const response = await fetchChecked(request);
    if (!response.ok) return response;
    const assertDocumented = await documented;
    if (body !== undefined) assertDocumented(method, pathname, "request", body);
    if (isBytes(response)) return response;
    if (!isEventStream(response) || response.body === null) {
      assertDocumented(method, pathname, "answer", await response.clone().json());
      return response;
    }
    const onEvent = (payload: unknown): void => assertDocumented(method, pathname, "event", payload);
    return new Response(watchEvents(response.body, { onEvent }), response);
  };
}

/** As JSON would have it. Absent: there is none. */
async function bodyOf(request: Request): Promise<unknown> {
  if (request.headers.get("content-type")?.startsWith("multipart/form-data") === true) {
    return fieldsOf(await request.formData());
  }
  const text = await request.text();
  return text === "" ? undefined : JSON.parse(text);
}

function isBytes(response: Response): boolean {
  return response.headers.get("content-type") === "application/octet-stream";
}
