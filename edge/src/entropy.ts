/** Chance as a parameter: `sizeBytes` bytes nobody can predict. */
export type Entropy = (sizeBytes: number) => Uint8Array;

/** The platform's cryptographic generator. */
export const systemEntropy: Entropy = (sizeBytes) => crypto.getRandomValues(new Uint8Array(sizeBytes));
