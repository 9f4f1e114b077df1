/** What a caller presented, checked as far as it can be without storage. Each kind leads to one gate. */
export type Credential = ApiKeyCredential;

interface ApiKeyCredential {
  readonly kind: "apiKey";
  readonly keyId: string;
  readonly secretHash: string;
}
