// Outputs that stay on the device, and the rows of them that somebody wants after all. The binding cannot download a tensor that
// lies there (asking ends the process), so a small graph hands the rows over.
import type { InferenceSession } from "onnxruntime-node";
import { Tensor } from "onnxruntime-node";
import { GraphBuilder } from "#engine/graph/graph-builder.ts";
import { openDeviceSession } from "./device-session.ts";

export class ResidentRows {
  readonly #reader: InferenceSession;
  readonly #width: number;
  /** Of the last step, a tensor [numRows, width] a run. */
  #runs: Tensor[] = [];

  private constructor(reader: InferenceSession, width: number) {
    this.#reader = reader;
    this.#width = width;
  }

  /** @param width numbers of a row. */
  static async create(width: number): Promise<ResidentRows> {
    const graph = new GraphBuilder();
    const kept = graph.input("kept", "float32", ["numRows", width]);
    const rows = graph.input("rows", "int32", ["numWanted"]);
    graph.output(graph.node("wanted", "Gather", [kept, rows]), "float32", ["numWanted", width]);
    return new ResidentRows(await openDeviceSession(graph.encode()), width);
  }

  /** Takes over a run's tensor; returns the run's number. */
  keep(output: Tensor): number {
    return this.#runs.push(output) - 1;
  }

  /** Rows of a kept run, in the order of `rows`: [rows.length, width]. */
  async read(run: number, rows: readonly number[]): Promise<Float32Array> {
    const kept = this.#runs[run];
    if (kept === undefined) throw new RangeError(`no run ${run} in the last step`);
    if (rows.length === 0) return new Float32Array(0);
    const wanted = new Tensor("int32", Int32Array.from(rows), [rows.length]);
    const outputs = await this.#reader.run({ kept, rows: wanted });
    const data = outputs["wanted"]?.data;
    if (!(data instanceof Float32Array) || data.length !== rows.length * this.#width) {
      throw new TypeError("the native run gave no rows");
    }
    return data;
  }

  /** Forgets the last step's. */
  clear(): void {
    for (const kept of this.#runs) kept.dispose();
    this.#runs = [];
  }

  /** After the session whose tensors were kept was asked for its last run, and before it is released. */
  async close(): Promise<void> {
    this.clear();
    await this.#reader.release();
  }
}
