/** The token of an `Authorization: Bearer` header (RFC 6750, section 2.1); absent when there is none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
}
