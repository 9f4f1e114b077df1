// What `POST /v1/embeddings` answers. Source: OpenAI API reference.

export interface EmbeddingList {
  readonly object: "list";
  readonly data: readonly {
    readonly object: "embedding";
    /** Place of the input in the request. */
    readonly index: number;
    /** Numbers; with `encoding_format` base64, their little-endian float32 bytes. */
    readonly embedding: readonly number[] | string;
  }[];
  readonly model: string;
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
}
