import { hash } from "node:crypto";

/** The digest as a string of 32 characters, one a byte. */
export function sha256(bytes: Uint8Array): string {
  return hash("sha256", bytes, "binary");
}
