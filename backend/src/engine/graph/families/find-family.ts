import { refuse } from "#engine/graph/refuse.ts";
import type { Family } from "./family.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { phi3 } from "./phi3.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";
import { smollm3 } from "./smollm3.ts";

const families: readonly Family[] = [llama, mistral, qwen2, qwen3, smollm3, phi3];

/** @throws UnsupportedModelError on an architecture that no family describes. */
export function findFamily(modelType: string): Family {
  const found = families.find((family) => family.modelType === modelType);
  return (
    found ?? refuse("model_type", modelType, `is not supported; ${families.map((f) => f.modelType).join(", ")} are`)
  );
}
