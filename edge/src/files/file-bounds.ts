/** What files may take. */
export interface FileBounds {
  readonly maxFileBytes: number;
  /** Of an organization's files together. */
  readonly maxStorageBytes: number;
  /** Longest time an upload may take. */
  readonly uploadTimeoutMs: number;
  /** Longest wait for one operation of R2. */
  readonly storageTimeoutMs: number;
  /** How long a file is kept that was made without a word about it. */
  readonly retentionMs: number;
}
