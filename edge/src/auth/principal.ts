/** Who a request belongs to, once admitted. */
export interface Principal {
  readonly orgId: string;
  readonly projectId: string;
  readonly keyId: string;
}
