// A block's last owner may have left anything in it, a NaN included. The CPU's pool takes finite numbers only; on the device
// the kernel itself must not read a slot that the sequence has not written.
import { describe, expect, test } from "vitest";
import { loadPagedDecoder, openModel } from "#engine/graph/load-decoder.ts";
import { logitsName } from "#engine/graph/paged-decoder.ts";
import type { ScheduledSequence } from "#engine/executor/executor.ts";
import { readGoldenCase } from "#engine/executor/golden-case.ts";
import { shuffledBlocks, TestSequence } from "#engine/executor/test-sequence.ts";
import { DevicePool } from "./device-pool.ts";
import { openDeviceSession } from "./device-session.ts";
import { missingDevice } from "./missing-device.ts";
import { layPagedFeeds } from "./paged-feeds.ts";

const missing = await missingDevice();

describe.skipIf(missing !== undefined)("the pool on the device", () => {
  test("what lies in it beyond a sequence's length changes no bit of a prompt or a decode", async () => {
    const { modelDir, prompt } = await readGoldenCase("pocket");
    const model = await openModel(modelDir);
    const shape = { precision: "fp16", blockSize: 32, maxModelLen: 512, cacheDir: "" } as const;
    const decoder = await loadPagedDecoder(model, shape);
    const session = await openDeviceSession(decoder.model, { weightsFolder: decoder.weightsFolder });
    const steps = async (fill: number) => {
      const pool = await DevicePool.create(model.config, 16, 32, fill);
      const blocks = shuffledBlocks(16, 1);
      const [long, short] = [new TestSequence(prompt, blocks), new TestSequence(prompt.slice(7), blocks.slice(8))];
      const run = async (batch: readonly ScheduledSequence[]) => {
        const outputs = await session.run({ ...layPagedFeeds(batch, 32), ...pool.feeds });
        return Array.from(outputs[logitsName]!.data as Float32Array);
      };
      const prefill = await run([long.schedule(40), short.schedule(1)]);
      [long.numComputed, short.numComputed] = [40, 1];
      const decode = await run([short.schedule(1), long.schedule(1)]);
      await pool.free();
      return { prefill, decode };
    };
    try {
      const clean = await steps(0);
      expect(clean.decode.every(Number.isFinite)).toBe(true);
      expect(await steps(NaN)).toEqual(clean);
    } finally {
      await session.release();
    }
  }, 240_000);
});
