"""Decode speed of transformers' `generate` on the same weights and lengths as bench/gpu.ts, in float16 on CUDA.

    python generate.py MODEL_DIR 1,8,32,128 CONTEXT STEPS

The last line printed is JSON: batch size -> tokens per second of the decode alone (the prompt's time is measured and taken off).
"""

import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM


@torch.inference_mode()
def seconds(model, prompt, steps):
    """Of a greedy answer of exactly `steps` tokens; the second of two runs."""
    for _ in range(2):
        torch.cuda.synchronize()
        start = time.perf_counter()
        model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False, min_new_tokens=steps,
                       max_new_tokens=steps, pad_token_id=0)
        torch.cuda.synchronize()
        taken = time.perf_counter() - start
    return taken


def main():
    model_dir, batches, context, steps = sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), int(sys.argv[4])
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float16).cuda().eval()
    torch.manual_seed(1)
    rates = {}
    for batch in map(int, batches):
        prompt = torch.randint(0, model.config.vocab_size, (batch, context), device="cuda")
        decode = seconds(model, prompt, steps + 1) - seconds(model, prompt, 1)
        rates[batch] = batch * steps / decode
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
