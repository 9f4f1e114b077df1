"""Counting up, down and in steps: long answers of which every token is known in advance."""

from random import Random

from dialogue import Turn
from split import Split, split_of

UP = ["Count from {a} to {b}.", "Count from {a} to {b}", "Count up from {a} to {b}.", "count from {a} to {b}",
      "Please count from {a} to {b}.", "List the numbers from {a} to {b}."]  # fmt: skip
FROM_ONE = ["Count to {b}.", "Count to {b}", "Count up to {b}.", "Can you count to {b}?"]
DOWN = ["Count down from {a} to {b}.", "Count backwards from {a} to {b}.", "Count down from {a} to {b}"]
STEPS = ["Count from {a} to {b} in steps of {s}.", "Count from {a} to {b} by {s}.", "Count by {s} from {a} to {b}."]

TOKENS_PER_NUMBER = 4


def turn(rng: Random, split: Split, max_tokens: int = 400) -> Turn:
    longest = max_tokens // TOKENS_PER_NUMBER

    def sample(r: Random) -> tuple[str, int, int, int]:
        kind = r.choice(("up", "up", "up", "one", "one", "down", "steps"))
        numbers = min(longest, r.choice((8, 15, 15, 30, 30, 100)))
        step = r.randint(2, 10) if kind == "steps" else 1
        first = 1 if kind == "one" else r.randint(0, 99)
        last = min(100, first + step * r.randint(2, numbers))
        return kind, first, last - (last - first) % step, step

    kind, low, high, step = sample(rng)
    # There are too few counts from one to hold any back: the missing ones would be learned as never ending.
    while kind != "one" and split_of((low, high, step)) is not split:
        kind, low, high, step = sample(rng)
    if kind == "down":
        question = rng.choice(DOWN).format(a=high, b=low)
        return Turn("count", question, ", ".join(map(str, range(high, low - 1, -1))))
    question = rng.choice({"up": UP, "one": FROM_ONE, "steps": STEPS}[kind]).format(a=low, b=high, s=step)
    return Turn("count", question, ", ".join(map(str, range(low, high + 1, step))))
