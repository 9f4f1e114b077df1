import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { EdgeContext } from "#edge/context.ts";

/** For an API: a browser is to sniff, frame, run and remember nothing of a reply. */
export function secureReply(): MiddlewareHandler<EdgeContext> {
  return secureHeaders({
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    referrerPolicy: "no-referrer",
    strictTransportSecurity: "max-age=31536000; includeSubDomains",
    xContentTypeOptions: true,
    // For pages and for browsers of long ago.
    crossOriginOpenerPolicy: false,
    crossOriginResourcePolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xFrameOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
}
