import type { Coordinates } from "./great-circle.ts";

/** Where Cloudflare believes the caller is. Absent when it does not know: private addresses, some tunnels, tests. */
export function callerCoordinates(request: Request): Coordinates | undefined {
  const latitude = degrees(request.cf?.["latitude"], 90);
  const longitude = degrees(request.cf?.["longitude"], 180);
  return latitude === undefined || longitude === undefined ? undefined : { latitude, longitude };
}

/** Cloudflare gives degrees as text. */
function degrees(value: unknown, limit: number): number | undefined {
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const parsed = Number(value);
  return Math.abs(parsed) <= limit ? parsed : undefined;
}
