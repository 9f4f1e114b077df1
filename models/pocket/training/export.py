"""Writes the Hugging Face directory: configuration, weights in bf16, generation defaults."""

import json
import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from dialogue import END_OF_TEXT, TURN_END
from model import PocketModel, Shape


def write_config(directory: Path, shape: Shape, tokenizer: Tokenizer) -> None:
    turn_end, end_of_text = tokenizer.token_to_id(TURN_END), tokenizer.token_to_id(END_OF_TEXT)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": None,
        "eos_token_id": turn_end,
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "hidden_size": shape.hidden_size,
        "initializer_range": 0.02,
        "intermediate_size": shape.intermediate_size,
        "max_position_embeddings": shape.max_positions,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": shape.num_heads,
        "num_hidden_layers": shape.num_layers,
        "num_key_value_heads": shape.num_kv_heads,
        "pad_token_id": end_of_text,
        "rms_norm_eps": shape.norm_eps,
        "rope_scaling": None,
        "rope_theta": shape.rope_theta,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": shape.vocab_size,
    }
    generation = {
        "bos_token_id": None,
        "do_sample": False,
        "eos_token_id": [turn_end, end_of_text],
        "pad_token_id": end_of_text,
    }
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (directory / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")


def export_weights(directory: Path, model: PocketModel) -> None:
    """Replaces model.safetensors in one step, so that a reader sees the old file or the new one."""
    weights = {name: tensor.detach().to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()}
    unfinished = directory / ".model.safetensors.tmp"
    save_file(weights, unfinished, metadata={"format": "pt"})
    unfinished.chmod(0o644)
    os.replace(unfinished, directory / "model.safetensors")


def check_export(directory: Path) -> float:
    """The largest difference between our logits and LlamaForCausalLM's, both in fp32 from the exported weights."""
    theirs = LlamaForCausalLM.from_pretrained(directory, dtype=torch.float32)
    ours = PocketModel()
    state = {name: tensor for name, tensor in theirs.state_dict().items() if name != "lm_head.weight"}
    ours.load_state_dict(state)
    tokens = torch.randint(0, ours.shape.vocab_size, (2, 200), generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        positions = torch.arange(tokens.shape[1]).expand_as(tokens)
        difference = (ours.logits(ours.hidden(tokens, positions)) - theirs(tokens).logits).abs().max().item()
    assert difference < 1e-3, difference
    return difference
