"""Makes the pocket model from nothing: tokenizer, training, export, evaluation, held-out examples.

    python models/pocket/training/run.py [stage ...]

Without stages it does all of them. Training resumes from training/.cache; remove that folder to begin again.
"""

import argparse
import os
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from evaluate import evaluate
from export import check_export, export_weights, write_config
from held_out import write_held_out
from model import PocketModel, Shape
from packing import Encoder
from tokenizer import check_tokenizer, save_tokenizer, train_tokenizer
from train import train

HERE = Path(__file__).resolve().parent
STAGES = ["tokenizer", "train", "export", "evaluate", "held-out"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", default=STAGES, metavar="stage", help=", ".join(STAGES))
    parser.add_argument("--directory", type=Path, default=HERE.parent, help="where the model is written")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--per-task", type=int, default=200, help="examples per task in the evaluation")
    parser.add_argument("--failures", type=int, default=0, help="missed examples to print per task")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    directory: Path = options.directory
    cache = HERE / ".cache"
    checkpoint = cache / "checkpoint.pt"
    if "tokenizer" in options.stages:
        trained = train_tokenizer(Shape().vocab_size)
        save_tokenizer(trained, directory, Shape().max_positions)
        write_config(directory, Shape(), trained)
        check_tokenizer(directory)
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    if "train" in options.stages:
        train(tokenizer, checkpoint)
    if "export" in options.stages:
        model = PocketModel()
        model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
        export_weights(directory, model)
        print(f"largest difference to LlamaForCausalLM: {check_export(directory):.1e}")
    encoder = Encoder(tokenizer)
    if "evaluate" in options.stages:
        model = PocketModel()
        model.load_state_dict({k: v.float() for k, v in load_file(directory / "model.safetensors").items()})
        evaluate(model, encoder, options.per_task, options.failures)
    if "held-out" in options.stages:
        write_held_out(directory / "held-out.jsonl", encoder)


if __name__ == "__main__":
    main()
