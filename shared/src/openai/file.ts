// What `/v1/files` answers. Source: OpenAI API reference, "The file object".

/** `batch`: what a batch is to run. `batch_output`: what came of one. */
export type FilePurpose = "batch" | "batch_output";

export interface FileObject {
  readonly id: string;
  readonly object: "file";
  /** Its size. */
  readonly bytes: number;
  /** Seconds since the Unix epoch. */
  readonly created_at: number;
  readonly expires_at: number;
  readonly filename: string;
  readonly purpose: FilePurpose;
  /** There is nothing to wait for. */
  readonly status: "processed";
}

export interface FileList {
  readonly object: "list";
  readonly data: readonly FileObject[];
  /** Empty where there are none. */
  readonly first_id: string;
  readonly last_id: string;
  readonly has_more: boolean;
}

export interface DeletedFile {
  readonly id: string;
  readonly object: "file";
  readonly deleted: true;
}
