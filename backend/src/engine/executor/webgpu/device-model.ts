import type { DecoderConfig } from "#engine/graph/config.ts";
import { UnsupportedModelError } from "#engine/graph/model-errors.ts";

/** PagedAttention's kernels read heads in vectors of eight float16 numbers. */
const headDimMultiple = 8;
/** Below this, prompts would take a kernel that copies K and V. */
const leastBlockSize = 32;

/** @throws UnsupportedModelError when the provider's kernels do not take the model. @throws RangeError for a block size they do not. */
export function checkDeviceModel(config: DecoderConfig, blockSize: number): void {
  if (config.headDim % headDimMultiple !== 0) {
    throw new UnsupportedModelError(`head_dim ${config.headDim}: on WebGPU a multiple of ${headDimMultiple} is needed`);
  }
  if (blockSize < leastBlockSize || !Number.isInteger(Math.log2(blockSize))) {
    throw new RangeError(`block size ${blockSize}: on WebGPU a power of two from ${leastBlockSize} is needed`);
  }
}
