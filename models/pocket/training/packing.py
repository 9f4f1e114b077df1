"""Examples become token rows of a fixed length, made ahead of the trainer in a process of its own.

A batch depends on the seed and its step only, so a resumed training sees the batches it would have seen.
"""

import multiprocessing
import queue
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random

import numpy as np
from tokenizers import Tokenizer

from dialogue import END_OF_TEXT, TURN_END, TURN_START, Dialogue, PlainText, render_dialogue
from mixture import Difficulty, example
from split import Split


class Rows(Enum):
    """What shares a row. Examples never see each other: where several share a row, a mask keeps them apart, and each starts
    at position 0. A long example has a row to itself, which needs no mask: attention by mask costs twice as much."""

    SHARED = "many examples to a row"
    ALONE = "one example to a row, filling at least half of it"


@dataclass(frozen=True)
class Packing:
    """even_answers: an answer of n tokens weighs as much as its root, not as n."""

    length: int
    rows: int
    difficulty: Difficulty
    kind: Rows = Rows.SHARED
    even_answers: bool = False


@dataclass
class Batch:
    """All [rows, length]; `weights` are above zero for the tokens to be predicted; padding has document -1."""

    tokens: np.ndarray
    positions: np.ndarray
    documents: np.ndarray
    weights: np.ndarray


class Encoder:
    """Text to token ids, and which of them are answers."""

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer
        self.turn_start = tokenizer.token_to_id(TURN_START)
        self.turn_end = tokenizer.token_to_id(TURN_END)
        self.end_of_text = tokenizer.token_to_id(END_OF_TEXT)
        self.opening = tokenizer.encode(f"{TURN_START}assistant\n").ids

    def encode(self, item: Dialogue | PlainText) -> tuple[list[int], list[bool]]:
        if isinstance(item, PlainText):
            prompt, answer = self.tokenizer.encode(item.prompt).ids, self.tokenizer.encode(item.answer).ids
            answer += [self.end_of_text] if item.ends else []
            return prompt + answer, [False] * len(prompt) + [True] * len(answer)
        ids = self.tokenizer.encode(render_dialogue(item)).ids
        answers = [False] * len(ids)
        index = 0
        while index < len(ids):
            if ids[index] == self.turn_start and ids[index : index + len(self.opening)] == self.opening:
                index += len(self.opening)
                while ids[index] != self.turn_end:
                    answers[index] = True
                    index += 1
                answers[index] = True
            index += 1
        return ids, answers


def weigh(answers: list[bool], even: bool) -> np.ndarray:
    """The weight of each token: one for an answer's token, or one over the root of its answer's length."""
    weights = np.asarray(answers, np.float32)
    if even:
        edges = np.flatnonzero(np.diff(weights, prepend=0, append=0))
        for start, end in edges.reshape(-1, 2):
            weights[start:end] = (end - start) ** -0.5
    return weights


def pack(rng: Random, encoder: Encoder, packing: Packing) -> Batch:
    shape = (packing.rows, packing.length)
    batch = Batch(np.full(shape, encoder.end_of_text, np.int64), np.zeros(shape, np.int64),
                  np.full(shape, -1, np.int64), np.zeros(shape, np.float32))  # fmt: skip
    used = [0] * packing.rows
    documents = misses = 0
    while misses < (10 if packing.kind is Rows.SHARED else 1) or 0 in used:
        ids, answers = encoder.encode(example(rng, Split.TRAIN, packing.difficulty))
        if packing.kind is Rows.ALONE and len(ids) < packing.length // 2:
            continue
        row = next((row for row in range(packing.rows) if used[row] + len(ids) <= packing.length), None)
        if row is None:
            misses += 1
            continue
        start, end = used[row], used[row] + len(ids)
        batch.tokens[row, start:end] = ids
        batch.positions[row, start:end] = np.arange(len(ids))
        batch.documents[row, start:end] = documents
        batch.weights[row, start:end] = weigh(answers, packing.even_answers)
        # What starts an example is predicted from nothing.
        batch.weights[row, start] = 0
        used[row] = end
        documents += 1
    return batch


def _produce(batches_ahead, tokenizer_json: str, packings: list[Packing], seed: int, first_step: int) -> None:
    encoder = Encoder(Tokenizer.from_str(tokenizer_json))
    for step in range(first_step, len(packings)):
        batch = pack(Random(f"{seed}/{step}"), encoder, packings[step])
        while True:
            try:
                batches_ahead.put(batch, timeout=10)
                break
            except queue.Full:
                # A trainer that was killed cannot end its worker.
                if not multiprocessing.parent_process().is_alive():
                    return


def batches(tokenizer: Tokenizer, packings: list[Packing], seed: int, first_step: int) -> Iterator[Batch]:
    """One batch per entry of `packings`, from `first_step` on."""
    context = multiprocessing.get_context("spawn")
    batches_ahead = context.Queue(maxsize=8)
    worker = context.Process(
        target=_produce, args=(batches_ahead, tokenizer.to_str(), packings, seed, first_step), daemon=True
    )
    worker.start()
    try:
        for _ in range(first_step, len(packings)):
            yield batches_ahead.get(timeout=300)
    finally:
        worker.terminate()
