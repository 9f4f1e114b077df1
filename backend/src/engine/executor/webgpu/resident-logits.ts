// Logits that stay on the device, and the rows of them that somebody wants after all. The binding cannot download a tensor that
// lies there (asking ends the process), so a small graph hands the rows over.
import type { InferenceSession } from "onnxruntime-node";
import { Tensor } from "onnxruntime-node";
import { GraphBuilder } from "#engine/graph/graph-builder.ts";
import { openDeviceSession } from "./device-session.ts";

export class ResidentLogits {
  readonly #reader: InferenceSession;
  readonly #vocabSize: number;
  /** Of the last step, a tensor [numRows, vocabSize] a run. */
  #runs: Tensor[] = [];

  private constructor(reader: InferenceSession, vocabSize: number) {
    this.#reader = reader;
    this.#vocabSize = vocabSize;
  }

  static async create(vocabSize: number): Promise<ResidentLogits> {
    const graph = new GraphBuilder();
    const logits = graph.input("logits", "float32", ["numRows", vocabSize]);
    const rows = graph.input("rows", "int32", ["numWanted"]);
    graph.output(graph.node("wanted", "Gather", [logits, rows]), "float32", ["numWanted", vocabSize]);
    return new ResidentLogits(await openDeviceSession(graph.encode()), vocabSize);
  }

  /** Takes over a run's tensor; returns the run's number. */
  keep(logits: Tensor): number {
    return this.#runs.push(logits) - 1;
  }

  /** Rows of a kept run, in the order of `rows`: [rows.length, vocabSize]. */
  async read(run: number, rows: readonly number[]): Promise<Float32Array> {
    const logits = this.#runs[run];
    if (logits === undefined) throw new RangeError(`no run ${run} in the last step`);
    if (rows.length === 0) return new Float32Array(0);
    const wanted = new Tensor("int32", Int32Array.from(rows), [rows.length]);
    const outputs = await this.#reader.run({ logits, rows: wanted });
    const data = outputs["wanted"]?.data;
    if (!(data instanceof Float32Array) || data.length !== rows.length * this.#vocabSize) {
      throw new TypeError("the native run gave no rows of logits");
    }
    return data;
  }

  /** Forgets the last step's. */
  clear(): void {
    for (const logits of this.#runs) logits.dispose();
    this.#runs = [];
  }

  /** After the session whose tensors were kept was asked for its last run, and before it is released. */
  async close(): Promise<void> {
    this.clear();
    await this.#reader.release();
  }
}
