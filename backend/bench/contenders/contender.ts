// Whoever takes part: a process that is given token ids and streams token ids back, whatever it speaks.

/**
 * Of the weights: fp16 stands for the most exact form a contender has, fp32 or F16. In 4bit each keeps its output projection in the 8 bits
 * that it would have for users; in 4bit-pure those who can hold that in 4 bits as well, which Sluice cannot.
 */
export const precisionClasses = ["fp16", "8bit", "4bit", "4bit-pure"] as const;
export type PrecisionClass = (typeof precisionClasses)[number];

export interface Setup {
  readonly precision: PrecisionClass;
  /** Threads of a forward pass. */
  readonly numThreads: number;
  /** Sequences that run side by side, each in a slot of its own. */
  readonly numSequences: number;
  /** Longest sequence, prompt and output, in tokens. */
  readonly maxSequenceTokens: number;
}

export interface Job {
  /** 0 to numSequences - 1; has no other job meanwhile. What the slot's last prompt began alike is not computed again. */
  readonly slot: number;
  readonly promptTokenIds: readonly number[];
  /** Exactly so many are generated, greedily, whatever they are. */
  readonly maxTokens: number;
}

export interface Contender {
  readonly name: string;
  start(setup: Setup): Promise<RunningContender>;
}

export interface RunningContender {
  /** Of the process whose time counts, with those under it. */
  readonly pid: number;
  /** Yields the ids that came together. Throws when the contender fails. */
  generate(job: Job): AsyncIterable<readonly number[]>;
  stop(): Promise<void>;
}
