/** A served model, as `GET /v1/models` lists it. */
export interface Model {
  readonly id: string;
  readonly object: "model";
  /** Seconds since the Unix epoch. */
  readonly created: number;
  readonly owned_by: string;
}

export interface ModelList {
  readonly object: "list";
  readonly data: readonly Model[];
}
