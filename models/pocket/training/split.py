"""Which values are kept out of training.

A task names the values that decide its answer; about one combination in eight is held out, and
evaluation draws only from those. Training and evaluation also never share a seed.
"""

from collections.abc import Callable
from enum import Enum
from random import Random
from typing import TypeVar
from zlib import crc32

Drawn = TypeVar("Drawn")


class Split(Enum):
    TRAIN = "train"
    HELD_OUT = "held-out"


def split_of(values: object) -> Split:
    return Split.HELD_OUT if crc32(repr(values).encode()) % 8 == 0 else Split.TRAIN


def draw(rng: Random, split: Split, sample: Callable[[Random], Drawn]) -> Drawn:
    """Samples until the values belong to `split`; a sampler of too few values is an error."""
    for _ in range(1000):
        values = sample(rng)
        if split_of(values) is split:
            return values
    raise ValueError(f"no {split.value} values after 1000 samples, the last being {values!r}")
