// What `/v1/batches` answers. Source: OpenAI API reference, "The batch object", "The request output object".
import type { Metadata } from "./metadata.ts";

export const batchStatuses = [
  "validating",
  "failed",
  "in_progress",
  "finalizing",
  "completed",
  "expired",
  "cancelling",
  "cancelled",
] as const;

export type BatchStatus = (typeof batchStatuses)[number];

/** What is wrong with an input file. */
export interface BatchError {
  readonly code: string;
  readonly message: string;
  /** In the line, such as `body.messages`. */
  readonly param: string | null;
  /** From 1 on; null: of the file. */
  readonly line: number | null;
}

export interface BatchRequestCounts {
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
}

/** What its answers say they took, together. */
export interface BatchUsage {
  readonly input_tokens: number;
  readonly input_tokens_details: { readonly cached_tokens: number };
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly reasoning_tokens: number };
  readonly total_tokens: number;
}

/** Times are seconds since the Unix epoch; those that are absent have not come. */
export interface Batch {
  readonly id: string;
  readonly object: "batch";
  readonly endpoint: string;
  /** Absent until the input file is validated. */
  readonly model?: string;
  readonly errors?: { readonly object: "list"; readonly data: readonly BatchError[] };
  readonly input_file_id: string;
  readonly completion_window: "24h";
  readonly status: BatchStatus;
  /** Absent when no request was answered well. */
  readonly output_file_id?: string;
  /** Absent when none was answered otherwise. */
  readonly error_file_id?: string;
  readonly created_at: number;
  readonly in_progress_at?: number;
  readonly expires_at: number;
  readonly finalizing_at?: number;
  readonly completed_at?: number;
  readonly failed_at?: number;
  readonly expired_at?: number;
  readonly cancelling_at?: number;
  readonly cancelled_at?: number;
  readonly request_counts: BatchRequestCounts;
  readonly usage?: BatchUsage;
  readonly metadata: Metadata | null;
}

export interface BatchList {
  readonly object: "list";
  readonly data: readonly Batch[];
  /** Absent where there are none. */
  readonly first_id?: string;
  readonly last_id?: string;
  readonly has_more: boolean;
}
