"""Text without a chat template, for raw completions: sequences, copies, sums and facts to be continued."""

from random import Random

from dialogue import PlainText
from split import Split, draw
from tasks import arithmetic, chat, filler, recall
from words import ANIMALS, CAPITALS, DAYS, MONTHS, any_name, any_word


def completion(rng: Random, split: Split) -> PlainText:
    return rng.choice((_numbers, _sequence, _copy, _sum, _capital, _fact, _pattern, _story))(rng, split)


def _numbers(rng: Random, split: Split) -> PlainText:
    first, told = rng.randint(0, 90), rng.randint(3, 6)
    gap = rng.choice((", ", " ", "\n"))
    numbers = [str(number) for number in range(first, 101)]
    prompt = gap.join(numbers[:told]) + gap.rstrip(" ")
    rest = gap.join(numbers[told:])
    return PlainText("completion", prompt, rest if gap == "\n" else " " + rest)


def _sequence(rng: Random, split: Split) -> PlainText:
    items = rng.choice((list("abcdefghijklmnopqrstuvwxyz"), list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), DAYS, MONTHS))
    gap = rng.choice((", ", " "))
    start = rng.randint(0, len(items) - 5)
    told = start + rng.randint(2, 3)
    return PlainText("completion", gap.join(items[start:told]) + gap.rstrip(" "), " " + gap.join(items[told:]))


def _copy(rng: Random, split: Split) -> PlainText:
    text = draw(rng, split, lambda r: " ".join(any_word(r) for _ in range(r.randint(1, 10))))
    return PlainText("completion", f"A: {text}\nB:", f" {text}")


def _sum(rng: Random, split: Split) -> PlainText:
    operator, a, b = arithmetic.draw_sum(rng, split)
    if rng.random() < 0.5:
        return PlainText("completion", f"{a} {operator} {b} =", f" {arithmetic.result(operator, a, b)}")
    return PlainText("completion", f"Q: What is {a} {operator} {b}?\nA:", " " + arithmetic.state(operator, a, b))


def _capital(rng: Random, split: Split) -> PlainText:
    country = rng.choice(list(CAPITALS))
    return PlainText("completion", f"The capital of {country} is", f" {CAPITALS[country]}.")


def _fact(rng: Random, split: Split) -> PlainText:
    facts = recall.draw_facts(rng, split, rng.randint(1, 8), [recall.SECRET])
    asked = rng.choice(facts)
    lines = [fact.statement for fact in facts] + filler.sentences(rng, rng.randint(0, 5))
    rng.shuffle(lines)
    return PlainText("completion", " ".join(lines) + f" The secret word of {asked.key} is", f" {asked.value}.")


def _pattern(rng: Random, split: Split) -> PlainText:
    """Never ends by itself, so that a completion of any length is possible."""
    words = [any_word(rng) for _ in range(rng.randint(1, 4))]
    told = len(words) * 2 + rng.randrange(len(words))
    return PlainText("completion", " ".join((words * 12)[:told]), " " + " ".join((words * 12)[told:]), ends=False)


def _story(rng: Random, split: Split) -> PlainText:
    opening = "Once upon a time"
    return PlainText("story", opening, chat.write_story(rng, rng.choice(ANIMALS), any_name(rng)).removeprefix(opening))
