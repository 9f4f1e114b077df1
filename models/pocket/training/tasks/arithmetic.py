"""Sums and differences of numbers below 100, and products of single digits.

The answer restates the sum: its digits then stand at fixed distances from the digits to be added.
"""

from random import Random

from dialogue import Turn
from split import Split, split_of

QUESTIONS = ["What is {}?", "{}", "Calculate {}", "Calculate {}.", "What's {}?", "{} =", "How much is {}?", "{}=?",
             "Compute {}.", "what is {}", "{} = ?"]  # fmt: skip
SPOKEN = {
    "+": ["What is {a} plus {b}?", "Add {a} and {b}.", "What is the sum of {a} and {b}?", "{a} plus {b}"],
    "-": ["What is {a} minus {b}?", "Subtract {b} from {a}.", "{a} minus {b}"],
    "*": ["What is {a} times {b}?", "Multiply {a} by {b}.", "{a} times {b}", "What is {a} x {b}?"],
}


def sample_sum(rng: Random) -> tuple[str, int, int]:
    operator = rng.choice("+++--*")
    if operator == "*":
        return operator, rng.randint(0, 10), rng.randint(0, 10)
    highest = rng.choice((20, 99, 99, 99))
    a, b = rng.randint(0, highest), rng.randint(0, highest)
    return (operator, max(a, b), min(a, b)) if operator == "-" else (operator, a, b)


def draw_sum(rng: Random, split: Split) -> tuple[str, int, int]:
    """The times table and single-digit sums are too few to hold any back."""
    while True:
        drawn = operator, a, b = sample_sum(rng)
        if operator == "*" or max(a, b) < 10 or split_of(drawn) is split:
            return drawn


def state(operator: str, a: int, b: int) -> str:
    return f"{a} {operator} {b} = {result(operator, a, b)}"


def result(operator: str, a: int, b: int) -> int:
    return {"+": a + b, "-": a - b, "*": a * b}[operator]


def turn(rng: Random, split: Split) -> Turn:
    operator, a, b = draw_sum(rng, split)
    if rng.random() < 0.3:
        question = rng.choice(SPOKEN[operator]).format(a=a, b=b)
    else:
        gap = rng.choice((" ", " ", ""))
        question = rng.choice(QUESTIONS).format(f"{a}{gap}{operator}{gap}{b}")
    return Turn("arithmetic", question, state(operator, a, b))


LIST_QUESTIONS = ["Solve these: {}", "Calculate: {}", "Calculate these: {}", "Solve:\n{}", "What is {}?", "Work out {}"]


def list_turn(rng: Random, split: Split) -> Turn:
    """Several at once, one per line: the densest way to learn sums, and a longer answer."""
    drawn = [draw_sum(rng, split) for _ in range(rng.randint(3, 12))]
    listed = rng.choice((", ", ", ", "\n", "; ")).join(f"{a} {operator} {b}" for operator, a, b in drawn)
    return Turn("arithmetic list", rng.choice(LIST_QUESTIONS).format(listed), "\n".join(state(*each) for each in drawn))
