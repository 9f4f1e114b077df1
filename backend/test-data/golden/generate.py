"""Writes the golden vectors: small random checkpoints of each family, and what transformers computes with them.

    python backend/test-data/golden/generate.py            # needs torch, transformers, safetensors
    python backend/test-data/golden/generate.py qwen3      # only the named cases; "pocket" is one, too
    python backend/test-data/golden/generate.py embeddings # only the embeddings, with the checkpoints and prompts that are there

Each folder beside this file is a Hugging Face directory with one more file, expected.safetensors:
  prompt   [P]      token ids
  logits   [L, V]   float32, after each of the prompt's last L tokens
  greedy   [G]      the G tokens that follow when the likeliest is always taken
  weights  [32]     SHA-256 of the model.safetensors that all this was computed with
and another, embedding.safetensors, of the same prompt:
  last, mean  [H]   the last token's hidden state after the last norm, and the mean of all; both of length 1
  weights  [32]     as above
The folder pocket/ has only these two; its checkpoint is models/pocket. Weights are stored as bfloat16 and computed with
in float32. A case is kept only if no greedy step is close to a tie, so that rounding cannot change the tokens.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

HERE = Path(__file__).resolve().parent
POCKET = HERE.parents[2] / "models" / "pocket"
PROMPT_TOKENS = 24
LOGIT_ROWS = 24
MOST_POCKET_TOKENS = 192
GREEDY_TOKENS = 80
# The least difference of the two likeliest tokens' logits; float32 implementations differ by about 1e-5.
LEAST_MARGIN = 0.02

CASES = {
    "multi-head-untied": dict(
        vocab_size=320, hidden_size=64, intermediate_size=176, num_attention_heads=4, num_key_value_heads=4,
        tie_word_embeddings=False,
    ),
    "grouped-tied": dict(
        vocab_size=256, hidden_size=64, intermediate_size=136, num_attention_heads=8, num_key_value_heads=2,
        head_dim=32, tie_word_embeddings=True, rope_theta=50_000.0,
    ),
    "wide-heads": dict(
        vocab_size=199, hidden_size=72, intermediate_size=150, num_attention_heads=6, num_key_value_heads=3,
        head_dim=20, tie_word_embeddings=False, rms_norm_eps=1e-5,
    ),
    "single-kv-head": dict(
        vocab_size=220, hidden_size=80, intermediate_size=192, num_attention_heads=5, num_key_value_heads=1,
        head_dim=24, tie_word_embeddings=True,
    ),
    # From here on one case a family. Each makes what is special to its family matter within the tested positions: windows
    # are smaller than the prompt, scaled frequencies differ from plain ones, biases and norms are far from 0 and 1.
    "llama3-rope-biases": dict(
        vocab_size=160, hidden_size=64, intermediate_size=112, num_attention_heads=4, num_key_value_heads=2,
        head_dim=32, tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
        rope_parameters=dict(
            rope_type="llama3", rope_theta=10_000.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=32,
        ),
    ),
    "mistral": dict(
        model_type="mistral", num_hidden_layers=3, vocab_size=150, hidden_size=64, intermediate_size=96,
        num_attention_heads=4, num_key_value_heads=2, head_dim=20, sliding_window=11,
    ),
    "qwen2": dict(
        model_type="qwen2", num_hidden_layers=3, vocab_size=170, hidden_size=64, intermediate_size=96,
        num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True, rope_theta=1_000_000.0,
        use_sliding_window=True, sliding_window=9, max_window_layers=1,
    ),
    # Of the 16 frequencies the first two are kept, the last eleven are divided, and those between are blended.
    "qwen2-yarn": dict(
        model_type="qwen2", vocab_size=170, hidden_size=64, intermediate_size=96, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=True,
        rope_parameters=dict(
            rope_type="yarn", rope_theta=10_000.0, factor=4.0, original_max_position_embeddings=64, beta_fast=4,
        ),
    ),
    "qwen3": dict(
        model_type="qwen3", num_hidden_layers=3, vocab_size=170, hidden_size=64, intermediate_size=96,
        num_attention_heads=4, num_key_value_heads=2, head_dim=24, tie_word_embeddings=True, rope_theta=1_000_000.0,
    ),
    "smollm3": dict(
        model_type="smollm3", num_hidden_layers=4, vocab_size=160, hidden_size=48, intermediate_size=96,
        num_attention_heads=4, num_key_value_heads=2, rope_theta=5_000_000.0, pad_token_id=None,
    ),
    "phi3": dict(
        model_type="phi3", vocab_size=160, hidden_size=64, intermediate_size=128, num_attention_heads=4,
        num_key_value_heads=4, sliding_window=13, pad_token_id=None,
    ),
    # The long factors: the prompt is longer than the original length, so transformers uses them for every position.
    "phi4-mini": dict(
        model_type="phi3", vocab_size=160, hidden_size=96, intermediate_size=88, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=True, pad_token_id=None, original_max_position_embeddings=16,
        partial_rotary_factor=0.75,
        rope_parameters=dict(
            rope_type="longrope", rope_theta=10_000.0, original_max_position_embeddings=16,
            short_factor=[1 + 0.05 * i for i in range(9)], long_factor=[1.1 + 0.7 * i for i in range(9)],
        ),
    ),
}


def make_checkpoint(folder: Path, settings: dict, seed: int) -> None:
    torch.manual_seed(seed)
    theta = settings.pop("rope_theta", 10_000.0)
    defaults = dict(
        model_type="llama", num_hidden_layers=2, max_position_embeddings=512, bos_token_id=0, eos_token_id=1,
        rope_parameters={"rope_type": "default", "rope_theta": theta},
    )
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**(defaults | settings)))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("q_norm.weight", "k_norm.weight")):
                weight.copy_(1.5 + 0.5 * torch.randn_like(weight))
            elif name.endswith("norm.weight"):
                weight.copy_(1 + 0.2 * torch.randn_like(weight))
            elif name.endswith(".bias"):
                weight.copy_(0.5 * torch.randn_like(weight))
            else:
                # Of this scale, attention is neither uniform nor one-hot, and logits spread over several units.
                weight.copy_(torch.randn_like(weight) * (2.0 / weight.shape[-1] ** 0.5))
    shutil.rmtree(folder, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)


@torch.no_grad()
def expect(checkpoint: Path, prompt: list[int]) -> tuple[dict[str, torch.Tensor], float]:
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32, attn_implementation="eager").eval()
    logits = model(torch.tensor([prompt])).logits[0]
    tokens, margin = list(prompt), float("inf")
    for _ in range(GREEDY_TOKENS):
        # Without a cache: each step computes the whole sequence anew, so a fault of caching cannot hide.
        last = model(torch.tensor([tokens]), use_cache=False).logits[0, -1]
        best = last.topk(2).values
        margin = min(margin, (best[0] - best[1]).item())
        tokens.append(int(last.argmax()))
    weights = (checkpoint / "model.safetensors").read_bytes()
    expected = {
        "prompt": torch.tensor(prompt, dtype=torch.int32),
        "logits": logits[-LOGIT_ROWS:].contiguous(),
        "greedy": torch.tensor(tokens[len(prompt):], dtype=torch.int32),
        "weights": torch.frombuffer(bytearray(hashlib.sha256(weights).digest()), dtype=torch.uint8),
    }
    return expected, margin


def write(expected: dict[str, torch.Tensor], folder: Path, name: str = "expected.safetensors") -> None:
    path = folder / name
    save_file(expected, path)
    path.chmod(0o644)


@torch.no_grad()
def write_embedding(name: str) -> None:
    checkpoint = POCKET if name == "pocket" else HERE / name
    expected = load_file(HERE / name / "expected.safetensors")
    model = AutoModel.from_pretrained(checkpoint, dtype=torch.float32, attn_implementation="eager").eval()
    hidden = model(expected["prompt"].long()[None]).last_hidden_state[0]
    embedding = {
        "last": torch.nn.functional.normalize(hidden[-1], dim=0),
        "mean": torch.nn.functional.normalize(hidden.mean(dim=0), dim=0),
        "weights": expected["weights"],
    }
    write(embedding, HERE / name, "embedding.safetensors")
    print(f"{name}: embedding of {hidden.shape[1]} numbers")


def generate_random(name: str, settings: dict) -> None:
    folder = HERE / name
    for seed in range(100):
        make_checkpoint(folder, dict(settings), seed)
        prompt = torch.randint(2, settings["vocab_size"], (PROMPT_TOKENS,)).tolist()
        expected, margin = expect(folder, prompt)
        if margin >= LEAST_MARGIN and len(set(expected["greedy"].tolist())) > GREEDY_TOKENS // 4:
            write(expected, folder)
            print(f"{name}: seed {seed}, least margin {margin:.3f}")
            return
    raise SystemExit(f"{name}: no seed is free of ties")


def generate_pocket() -> None:
    if not (POCKET / "held-out.jsonl").exists():
        print("pocket: not trained yet")
        return
    tokenizer = AutoTokenizer.from_pretrained(POCKET)
    held_out = [json.loads(line) for line in (POCKET / "held-out.jsonl").read_text().splitlines()]
    best = None
    for example in held_out[:40]:
        prompt = tokenizer.apply_chat_template(
            example["messages"], tools=example.get("tools"), add_generation_prompt=True, return_dict=False
        )
        expected, margin = expect(POCKET, prompt[-MOST_POCKET_TOKENS:])
        if best is None or margin > best[1]:
            best = (expected, margin)
        if margin >= LEAST_MARGIN:
            break
    (HERE / "pocket").mkdir(exist_ok=True)
    write(best[0], HERE / "pocket")
    print(f"pocket: least margin {best[1]:.3f}")


if __name__ == "__main__":
    logging.disable_progress_bar()
    # One thread sums in one order, and on a busy machine several would wait for each other.
    torch.set_num_threads(1)
    every = [*CASES, "pocket"]
    only_embeddings = sys.argv[1:] == ["embeddings"]
    for case in every if only_embeddings else sys.argv[1:] or every:
        if not only_embeddings:
            generate_pocket() if case == "pocket" else generate_random(case, CASES[case])
        write_embedding(case)
