/** The checkpoint is sound, but asks for something the graph does not express. */
export class UnsupportedModelError extends Error {
  override readonly name = "UnsupportedModelError";
}

/** The checkpoint's files are missing, damaged or at odds with its config. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
}
