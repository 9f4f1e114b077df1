"""Trains the pocket model in phases of growing length; resumes from its last checkpoint."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional as F

from mixture import Difficulty
from model import PocketModel
from packing import Batch, Packing, Rows, batches

SEED = 2025
# Muon for the layers' matrices, AdamW for embeddings and gains: over the first 100 steps this took about half the tokens
# that AdamW alone took to reach the same loss.
MUON_LEARNING_RATE = 4e-3
ADAM_LEARNING_RATE = 2e-3
CHECKPOINT_EVERY = 100


@dataclass(frozen=True)
class Phase:
    """Learning rates run in a straight line between two fractions of their peaks."""

    steps: int
    rates: tuple[float, float]
    packings: tuple[Packing, ...]  # taken in turn


MIXED = Packing(768, 9, Difficulty(32, 16, recall_share=0.2), even_answers=True)
LONG = Difficulty(90, 60, 24, recall_share=1.0)
LONGEST = Difficulty(160, 200, 48, recall_share=1.0)

# Facts and distances grow from phase to phase; the last phases bring in the long context. Answers weigh evenly once copying
# and counting are learned and recall is what remains: a secret is two tokens, a count to a hundred is four hundred.
PHASES = [
    Phase(100, (0.02, 1.0), (Packing(384, 21, Difficulty(6, 3, recall_share=0.3, max_count_tokens=150)),)),
    Phase(600, (1.0, 0.83), (Packing(384, 12, Difficulty(6, 3, recall_share=0.3, max_count_tokens=150)),)),
    Phase(800, (0.83, 0.33), (Packing(512, 10, Difficulty(14, 8, recall_share=0.25)),)),
    Phase(200, (0.33, 0.2), (Packing(768, 9, Difficulty(32, 16, recall_share=0.22)),)),
    Phase(450, (0.5, 0.4), (Packing(768, 9, Difficulty(24, 12, recall_share=0.4), even_answers=True),)),
    Phase(600, (0.4, 0.3), (Packing(768, 9, Difficulty(32, 16, recall_share=0.3), even_answers=True),)),
    Phase(210, (0.35, 0.15), (Packing(1536, 5, LONG, Rows.ALONE, even_answers=True), MIXED)),
    Phase(120, (0.15, 0.0), (Packing(4096, 2, LONGEST, Rows.ALONE, even_answers=True), MIXED)),
    # Two shorter descents: the first had left distant recall, sorting, copying and sums short of their aims.
    Phase(280, (0.25, 0.0), (Packing(3072, 2, LONGEST, Rows.ALONE, even_answers=True), MIXED)),
    Phase(330, (0.35, 0.0), (Packing(3072, 2, LONGEST, Rows.ALONE, even_answers=True), MIXED, MIXED)),
]


def learning_rate_factors() -> list[float]:
    """One per step of all phases."""
    factors = []
    for phase in PHASES:
        start, end = phase.rates
        factors += [start + (end - start) * (index + 1) / phase.steps for index in range(phase.steps)]
    return factors


def answer_loss(model: PocketModel, batch: Batch, kind: Rows) -> torch.Tensor:
    """Weighted mean cross entropy over the answers' tokens alone."""
    tokens = torch.from_numpy(batch.tokens)
    positions = torch.from_numpy(batch.positions)
    mask = None
    if kind is Rows.SHARED:
        documents = torch.from_numpy(batch.documents)
        same = documents[:, :, None] == documents[:, None, :]
        mask = (same & torch.ones(same.shape[1:], dtype=torch.bool).tril())[:, None]
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.hidden(tokens, positions, mask)
        weights = torch.from_numpy(batch.weights)[:, 1:]
        asked = weights > 0
        logits = model.logits(hidden[:, :-1][asked])
    losses = F.cross_entropy(logits.float(), tokens[:, 1:][asked], reduction="none")
    return (losses * weights[asked]).sum() / weights.sum()


def make_optimizers(model: PocketModel) -> list[tuple[torch.optim.Optimizer, float]]:
    """Each with its peak learning rate."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed_tokens" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim == 1 or "embed_tokens" in name]
    muon = torch.optim.Muon(matrices, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW(others, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    return [(muon, MUON_LEARNING_RATE), (adam, ADAM_LEARNING_RATE)]


def train(tokenizer: Tokenizer, checkpoint: Path) -> PocketModel:
    torch.manual_seed(SEED)
    model = PocketModel()
    optimizers = make_optimizers(model)
    first_step, seconds, tokens_seen = 0, 0.0, 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        for (optimizer, _), state in zip(optimizers, saved["optimizers"]):
            optimizer.load_state_dict(state)
        first_step, seconds, tokens_seen = saved["step"], saved["seconds"], saved["tokens"]
        print(f"resuming at step {first_step}", flush=True)

    packings = [phase.packings[step % len(phase.packings)] for phase in PHASES for step in range(phase.steps)]
    factors = learning_rate_factors()
    started = time.monotonic() - seconds
    recent: list[float] = []
    for step, batch in enumerate(batches(tokenizer, packings, SEED, first_step), start=first_step):
        for optimizer, peak in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = peak * factors[step]
        loss = answer_loss(model, batch, packings[step].kind)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, _ in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        tokens_seen += batch.tokens.size
        recent.append(loss.item())
        done = step + 1
        if done % 20 == 0:
            seconds = time.monotonic() - started
            print(f"step {done}/{len(packings)}  length {packings[step].length}  loss {sum(recent) / len(recent):.4f}  "
                  f"{tokens_seen / 1e6:.2f} M tokens  {seconds:.0f} s", flush=True)  # fmt: skip
            recent.clear()
        if done % CHECKPOINT_EVERY == 0 or done == len(packings):
            state = {
                "model": model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer, _ in optimizers],
                "step": done,
                "seconds": time.monotonic() - started,
                "tokens": tokens_seen,
            }
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            torch.save(state, unfinished := checkpoint.with_suffix(".tmp"))
            os.replace(unfinished, checkpoint)
    return model
