"""Exact match per task on held-out values.

An answer counts when greedy decoding would write it token for token, its end included. That is the case exactly when every
one of its tokens is the most likely after the ones before it, so a single forward pass over prompt and answer tells.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from random import Random

import numpy as np
import torch

from dialogue import Dialogue, PlainText, Turn, assistant, render_dialogue, user
from mixture import Difficulty, turn_beside_tools
from model import PocketModel
from packing import Encoder
from split import Split
from tasks import arithmetic, chat, copying, counting, json_objects, plain_text, recall, sorting, tool_calls

SEED = 900_001
Example = Dialogue | PlainText
TOKENS_PER_BATCH = 12_000

# bucket -> the shapes (facts, filler sentences) of contexts that reach it
RECALL_BUCKETS = {100: (8, 4), 300: (28, 12), 1000: (90, 60), 3000: (150, 200)}


def _from_turn(make: Callable[[Random, Split], Turn], rng: Random) -> Dialogue:
    turn = make(rng, Split.HELD_OUT)
    return Dialogue(turn.task, [user(turn.question), assistant(turn.answer)])


def _recall(encoder: Encoder, farthest: int, nearest: int, rng: Random) -> Dialogue:
    """One question, `nearest` < tokens from the end of its fact to the answer <= `farthest`."""
    facts, fillers = RECALL_BUCKETS[farthest]
    while True:
        dialogue = recall.dialogue(rng, Split.HELD_OUT, facts, fillers, max_questions=1)
        text = render_dialogue(dialogue, prompt_only=True)
        after = text[text.index(dialogue.evidence) + len(dialogue.evidence) :]
        if nearest < len(encoder.tokenizer.encode(after).ids) <= farthest:
            return dialogue


def _completion(rng: Random) -> PlainText:
    while (item := plain_text.completion(rng, Split.HELD_OUT)).task == "story":
        pass
    return item


def task_makers(encoder: Encoder) -> dict[str, Callable[[Random], Example]]:
    """task -> maker of one held-out example"""
    makers: dict[str, Callable[[Random], Example]] = {}
    nearest = 0
    for farthest in RECALL_BUCKETS:
        makers[f"recall, {nearest or 1}-{farthest} tokens back"] = partial(_recall, encoder, farthest, nearest)
        nearest = farthest
    makers["recall of what users say of themselves"] = lambda rng: recall.about_me(rng, Split.HELD_OUT)
    turns = {
        "copy words and codes": copying.turn,
        "copy multi-byte text": copying.multibyte_turn,
        "sort numbers": sorting.numbers_turn,
        "sort words": sorting.words_turn,
        "arithmetic": arithmetic.turn,
        "arithmetic, 3-12 at once": arithmetic.list_turn,
        "count": counting.turn,
        "JSON object": json_objects.turn,
        "chat": chat.turn,
    }
    makers |= {name: partial(_from_turn, make) for name, make in turns.items()}
    makers["system prompt persona"] = lambda rng: chat.persona(rng, Split.HELD_OUT)
    plain_turn = partial(turn_beside_tools, difficulty=Difficulty(4, 2, max_count_tokens=100))
    makers["tool call"] = lambda rng: tool_calls.dialogue(rng, Split.HELD_OUT, plain_turn, "call")
    makers["answer from a tool's result"] = lambda rng: tool_calls.dialogue(rng, Split.HELD_OUT, plain_turn, "result")
    makers["no tool needed"] = lambda rng: tool_calls.dialogue(rng, Split.HELD_OUT, plain_turn, "none")
    makers["raw completion"] = _completion
    return makers


def examples(make: Callable[[Random], Example], name: str) -> Iterator[Example]:
    rng = Random(f"{SEED}/{name}")
    while True:
        yield make(rng)


def last_answer(answers: list[bool]) -> slice:
    """Where the last run of answer tokens is."""
    end = len(answers)
    while not answers[end - 1]:
        end -= 1
    start = end
    while start > 0 and answers[start - 1]:
        start -= 1
    return slice(start, end)


@torch.no_grad()
def exact_matches(model: PocketModel, encoder: Encoder, items: list[Example]) -> list[bool]:
    encoded = [encoder.encode(item) for item in items]
    order = sorted(range(len(items)), key=lambda index: len(encoded[index][0]))
    matches = [False] * len(items)
    while order:
        longest = len(encoded[order[-1]][0])
        rows = [order.pop() for _ in range(min(len(order), max(1, TOKENS_PER_BATCH // longest)))]
        tokens = np.full((len(rows), longest), encoder.end_of_text, np.int64)
        for row, index in enumerate(rows):
            tokens[row, : len(encoded[index][0])] = encoded[index][0]
        batch = torch.from_numpy(tokens)
        hidden = model.hidden(batch, torch.arange(longest).expand_as(batch))
        for row, index in enumerate(rows):
            answer = last_answer(encoded[index][1])
            predicted = model.logits(hidden[row, answer.start - 1 : answer.stop - 1]).argmax(-1)
            matches[index] = bool((predicted == batch[row, answer]).all())
    return matches


def evaluate(model: PocketModel, encoder: Encoder, per_task: int, failures: int = 0) -> dict[str, float]:
    """Prints a Markdown table; `failures` missed examples of each task below it."""
    scores: dict[str, float] = {}
    missed: dict[str, list[Example]] = defaultdict(list)
    print("| task | exact match |\n| --- | --- |", flush=True)
    for name, make in task_makers(encoder).items():
        items = list(islice(examples(make, name), per_task))
        matches = exact_matches(model, encoder, items)
        missed[name] = [item for item, match in zip(items, matches) if not match]
        scores[name] = sum(matches) / len(matches)
        print(f"| {name} | {100 * scores[name]:.1f} % |", flush=True)
    for name, items in missed.items():
        for item in items[:failures]:
            shown = render_dialogue(item) if isinstance(item, Dialogue) else item.prompt + "⟶" + item.answer
            print(f"--- missed: {name}\n{shown[-600:]}")
    return scores
