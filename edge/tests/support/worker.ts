// Two ways to run the Worker. Both are workerd; they differ in what lies between it and the regions.

/** Variables and secrets for one run. */
export type Environment = Readonly<Record<string, string>>;

export interface RunningWorker {
  readonly url: string;
  /** What it has logged so far, one line per entry. */
  logs(): readonly string[];
  stop(): Promise<void>;
}

export type StartWorker = (environment: Environment) => Promise<RunningWorker>;
