/** What batches may take. */
export interface BatchBounds {
  /** Of one input file. */
  readonly maxLines: number;
  /** Of an organization that are under way at once. */
  readonly maxActive: number;
  /** Lines of one batch that run at once. */
  readonly maxParallelLines: number;
  /** How often a line is tried that fails. */
  readonly maxTries: number;
  /** Of one line. */
  readonly maxAnswerBytes: number;
  /** Of all lines of a batch; what is left of it after that is not run. */
  readonly maxOutputBytes: number;
  /** How long a turn begins new lines. */
  readonly turnMs: number;
  /** How long a batch that has ended can be had. */
  readonly retentionMs: number;
  /** In which files, database and objects of batches lie alike. Absent: in none, or nobody says. */
  readonly jurisdiction: string | undefined;
}
