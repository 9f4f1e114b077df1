// The KV pool on the device: two tensors a layer that never leave it. They are made there by a small graph, because a tensor
// that JavaScript fills would take its size in host memory first. That graph's session owns them: a tensor freed after its
// session would end the process.
import type { InferenceSession } from "onnxruntime-node";
import { Tensor } from "onnxruntime-node";
import type { DecoderConfig } from "#engine/graph/config.ts";
import { GraphBuilder } from "#engine/graph/graph-builder.ts";
import { pagedKeysName, pagedValuesName } from "#engine/graph/paged-step-inputs.ts";
import { openDeviceSession } from "./device-session.ts";

export class DevicePool {
  /** Input name -> tensor on the device, as the graph's step inputs name them. */
  readonly feeds: Readonly<Record<string, Tensor>>;

  readonly #owner: InferenceSession;

  private constructor(feeds: Readonly<Record<string, Tensor>>, owner: InferenceSession) {
    this.feeds = feeds;
    this.#owner = owner;
  }

  /** A pool whose every number is `fill`; zero but in tests. */
  static async create(config: DecoderConfig, numBlocks: number, blockSize: number, fill = 0): Promise<DevicePool> {
    const { numLayers, numKvHeads, headDim } = config;
    const names = Array.from({ length: numLayers }, (_, layer) => [
      pagedKeysName(layer),
      pagedValuesName(layer),
    ]).flat();
    const graph = new GraphBuilder();
    const shape = graph.input("shape", "int64", [4]);
    const value = graph.inlineInitializer("fill", "float16", [1], new Float16Array([fill]));
    for (const name of names) {
      graph.output(graph.node(name, "Expand", [value, shape]), "float16", ["blocks", "slots", "heads", "dims"]);
    }
    const session = await openDeviceSession(graph.encode(), { residentOutputs: names });
    const dims = BigInt64Array.from([numBlocks, blockSize, numKvHeads, headDim], BigInt);
    return new DevicePool(await session.run({ shape: new Tensor("int64", dims, [4]) }), session);
  }

  async free(): Promise<void> {
    for (const tensor of Object.values(this.feeds)) tensor.dispose();
    await this.#owner.release();
  }
}
