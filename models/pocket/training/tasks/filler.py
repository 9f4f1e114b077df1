"""Sentences that say nothing anyone asks about: they put distance between a fact and its question."""

from random import Random

from words import ADJECTIVES, ANIMALS, DAYS, FOODS, MONTHS, NOUNS, PLACES

STOCK = [
    "The grass is green.", "The sky is blue.", "The sun is yellow.", "Here we go.", "There and back again.",
    "It was a quiet day.", "Nothing else happened.", "The days went by.", "Nobody said a word.", "Time passed slowly.",
]  # fmt: skip


def sentence(rng: Random) -> str:
    noun, other = rng.choice(NOUNS), rng.choice(NOUNS)
    looks, place = rng.choice(ADJECTIVES), rng.choice(PLACES)
    return rng.choice((
        f"The {looks} {noun} stood near the {place}.",
        f"A {rng.choice(ANIMALS)} walked past the {place} on {rng.choice(DAYS)}.",
        f"There was a {looks} {noun} and a {other} in the {place}.",
        f"In {rng.choice(MONTHS)} the {place} is {looks}.",
        f"People often buy {rng.choice(FOODS)} at the {place}.",
        f"Someone painted the {noun} near the {other}.",
        f"The {place} was {looks} and the {noun} was {rng.choice(ADJECTIVES)}.",
        f"We talked about {rng.randint(2, 40)} {noun}s and one {other}.",
        rng.choice(STOCK),
    ))  # fmt: skip


def sentences(rng: Random, count: int) -> list[str]:
    """Now and then the same few sentences over and over, as in the usual needle-in-a-haystack tests."""
    if count and rng.random() < 0.2:
        few = rng.sample(STOCK, rng.randint(1, 5))
        return [few[index % len(few)] for index in range(count)]
    return [sentence(rng) for _ in range(count)]
