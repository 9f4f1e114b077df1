import { Buffer } from "node:buffer";

/**
 * A vector as the caller wants it: numbers, or the base64 of their little-endian float32 bytes, which is what OpenAI's SDKs
 * ask for by default.
 */
export function spellEmbedding(embedding: readonly number[], encoding: "float" | "base64"): readonly number[] | string {
  if (encoding === "base64") {
    const bytes = Buffer.alloc(4 * embedding.length);
    for (const [index, value] of embedding.entries()) bytes.writeFloatLE(value, 4 * index);
    return bytes.toString("base64");
  }
  // Nine digits tell every float32 from its neighbours; JSON would write the seventeen of a double.
  return embedding.map((value) => Number(value.toPrecision(9)));
}
