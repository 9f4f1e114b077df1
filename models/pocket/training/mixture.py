"""How often each task is trained, and how its examples are put together."""

from dataclasses import dataclass
from functools import partial
from random import Random

from dialogue import Dialogue, PlainText, Turn, assistant, system, user
from split import Split
from tasks import arithmetic, chat, copying, counting, json_objects, plain_text, recall, sorting, tool_calls

# Single turns and their weights; several in a row make a dialogue.
TURNS = {
    chat.turn: 8,
    chat.story: 1,
    copying.turn: 18,
    copying.multibyte_turn: 11,
    sorting.numbers_turn: 30,
    sorting.words_turn: 20,
    arithmetic.turn: 22,
    arithmetic.list_turn: 10,
    counting.turn: 7,
    json_objects.turn: 11,
}


@dataclass(frozen=True)
class Difficulty:
    """Bounds that a phase of training puts on its examples; fillers are sentences."""

    max_facts: int
    max_fillers: int
    max_questions: int = 12
    max_count_tokens: int = 400
    recall_share: float = 0.35


def any_turn(rng: Random, split: Split, difficulty: Difficulty) -> Turn:
    make = rng.choices(list(TURNS), weights=list(TURNS.values()))[0]
    if make is counting.turn:
        return make(rng, split, difficulty.max_count_tokens)
    return make(rng, split)


def turn_beside_tools(rng: Random, split: Split, difficulty: Difficulty) -> Turn:
    """A turn that no tool on offer could be meant for, and that has one right answer."""
    turn = any_turn(rng, split, difficulty)
    if turn.task.startswith("arithmetic") or turn.task == "story" or turn.answer == chat.FALLBACK:
        return turn_beside_tools(rng, split, difficulty)
    return turn


def mixed_dialogue(rng: Random, split: Split, difficulty: Difficulty) -> Dialogue:
    """One to five unrelated turns, so that each is learned after any history."""
    messages = [system("You are a helpful assistant.")] if rng.random() < 0.08 else []
    for _ in range(rng.choice((1, 2, 3, 4, 5))):
        turn = any_turn(rng, split, difficulty)
        messages += [user(turn.question), assistant(turn.answer)]
    return Dialogue("mixed", messages)


def interrupted_recall(rng: Random, split: Split, difficulty: Difficulty) -> Dialogue:
    """Recall with other questions in between."""
    dialogue = recall.about_me(rng, split) if rng.random() < 0.5 else recall.dialogue(rng, split, 6, 4, 4)
    messages = []
    for index, message in enumerate(dialogue.messages):
        if message["role"] == "user" and index > 1 and rng.random() < 0.4:
            turn = any_turn(rng, split, difficulty)
            messages += [user(turn.question), assistant(turn.answer)]
        messages.append(message)
    return Dialogue("recall", messages)


def example(rng: Random, split: Split, difficulty: Difficulty) -> Dialogue | PlainText:
    chance = rng.random()
    if chance < difficulty.recall_share:
        return recall.dialogue(rng, split, difficulty.max_facts, difficulty.max_fillers, difficulty.max_questions)
    chance = rng.random()
    if chance < 0.66:
        return mixed_dialogue(rng, split, difficulty)
    if chance < 0.74:
        return interrupted_recall(rng, split, difficulty)
    if chance < 0.88:
        return tool_calls.dialogue(rng, split, partial(turn_beside_tools, difficulty=difficulty))
    if chance < 0.905:
        return chat.persona(rng, split)
    if chance < 0.92:
        return chat.plain_assistant(rng, split)
    return plain_text.completion(rng, split)
