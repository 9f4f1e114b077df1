// One request as every region would receive it; only the passport differs between regions.
import { type PassportClaims, type PassportKey, passportHeader, signPassport } from "@sluice/shared/passport.ts";
import type { Region } from "#edge/routing/region.ts";

/**
 * The caller's headers a region may see. An allowlist, so that credentials, cookies and forged internal headers
 * (`x-sluice-*`) stay outside without being named.
 */
export const forwardedHeaders = ["accept", "content-type", "user-agent"] as const;

export interface RegionRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent for a request without a body. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  readonly claims: PassportClaims;
}

/** The headers to send: those of the caller that may pass, and ours. */
export function regionHeaders(
  caller: Headers,
  requestId: string,
  clientRequestId: string | undefined,
): RegionRequest["headers"] {
  const headers: Record<string, string> = {
    // Compression would hold tokens back in a buffer.
    "accept-encoding": "identity",
    "x-request-id": requestId,
  };
  if (clientRequestId !== undefined) headers["x-client-request-id"] = clientRequestId;
  for (const name of forwardedHeaders) {
    const value = caller.get(name);
    if (value !== null) headers[name] = value;
  }
  return headers;
}

/** Sends the request to one region. The passport is signed now, so that a late attempt does not travel on an old one. */
export async function sendTo(
  region: Region,
  { method, path, headers, body, claims }: RegionRequest,
  key: PassportKey,
  nowMs: number,
  signal: AbortSignal,
): Promise<Response> {
  const passport = await signPassport(claims, region.id, key, nowMs);
  return fetch(`${region.url}${path}`, {
    method,
    headers: { ...headers, [passportHeader]: passport },
    body: body ?? null,
    redirect: "manual",
    signal,
  });
}
