"""Sorting three to eight numbers, or words from a list small enough to learn their order."""

from random import Random

from dialogue import Turn
from split import Split, draw
from words import ANIMALS, COLOURS, FOODS, NOUNS

SORTABLE = sorted(set(ANIMALS + COLOURS + FOODS + NOUNS[::4]))

NUMBER_QUESTIONS = [
    "Sort these numbers: {}", "Sort the numbers {}.", "Sort: {}", "Put these numbers in order: {}",
    "Sort from smallest to largest: {}", "Order these numbers: {}", "Please sort {}", "Sort in ascending order: {}",
]  # fmt: skip
DESCENDING_QUESTIONS = [
    "Sort from largest to smallest: {}", "Sort in descending order: {}", "Sort these numbers in descending order: {}",
]  # fmt: skip
WORD_QUESTIONS = [
    "Sort these words: {}", "Sort the words {}.", "Sort alphabetically: {}", "Put these words in alphabetical order: {}",
    "Sort these words alphabetically: {}", "Put in alphabetical order: {}",
]  # fmt: skip


def numbers_turn(rng: Random, split: Split) -> Turn:
    def sample(r: Random) -> tuple[int, ...]:
        highest = r.choice((20, 99, 99, 99, 999))
        return tuple(r.sample(range(1, highest), r.randint(3, 8)))

    numbers = draw(rng, split, sample)
    descending = rng.random() < 0.2
    questions = DESCENDING_QUESTIONS if descending else NUMBER_QUESTIONS
    listed = rng.choice((", ", ", ", " ")).join(map(str, numbers))
    answer = ", ".join(map(str, sorted(numbers, reverse=descending)))
    return Turn("sort numbers", rng.choice(questions).format(listed), answer)


def words_turn(rng: Random, split: Split) -> Turn:
    words = draw(rng, split, lambda r: tuple(r.sample(SORTABLE, r.randint(3, 8))))
    listed = rng.choice((", ", ", ", " ")).join(words)
    return Turn("sort words", rng.choice(WORD_QUESTIONS).format(listed), ", ".join(sorted(words)))
