"""Recall of facts stated earlier: many facts of the same few kinds among filler, then questions about some of them.

Each question costs the context once and its own few tokens, so one context carries many questions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dialogue import Dialogue, assistant, system, user
from split import Split, draw
from tasks import filler
from tasks.json_objects import join_list
from words import (
    ADJECTIVES, ANIMALS, ATTRIBUTES, CITIES, COLOURS, FOODS, JOBS, NOUNS, PLACES, any_name, any_word, digits, invented_word, mixed_code,
)  # fmt: skip

UNTOLD = "I do not know."


@dataclass(frozen=True)
class Kind:
    """`one` asks for one value, `many` for several at once, `who` for the key of a value (or is empty)."""

    key: Callable[[Random], str]
    value: Callable[[Random], str]
    statements: tuple[str, ...]
    one: tuple[str, ...]
    many: str = ""
    who: str = ""
    answer: str = "{v}"


def _thing(rng: Random) -> str:
    return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"


def _code(rng: Random) -> str:
    return digits(rng, rng.choice((3, 4, 4, 4, 5))) if rng.random() < 0.85 else mixed_code(rng)


def _identifier(rng: Random) -> str:
    return any_word(rng) if rng.random() < 0.7 else f"{any_word(rng)}_{rng.choice((any_word(rng), rng.randint(0, 99)))}"


def _from(words: list[str]) -> Callable[[Random], str]:
    return lambda rng: rng.choice(words)


SECRET = Kind(
    any_name, any_word,
    ("The secret word of {k} is {v}.", "The secret word of {k} is {v}.", "{k}'s secret word is {v}.",
     "The secret of {k} is {v}.", "The secret word for {k} is {v}."),
    ("What is the secret word of {k}?", "What is the secret word of {k}?", "What is {k}'s secret word?",
     "Tell me the secret word of {k}.", "What is the secret of {k}?", "The secret word of {k}?",
     "what is the secret word of {k}", "Which secret word belongs to {k}?", "What is the secret word for {k}?"),
    many="What are the secret words of {k}?", who="Whose secret word is {v}?",
)  # fmt: skip
CODE = Kind(
    _thing, _code,
    ("The code of the {k} is {v}.", "The code of the {k} is {v}.", "The code for the {k} is {v}.", "The {k} has the code {v}."),
    ("What is the code of the {k}?", "What is the code of the {k}?", "What is the code for the {k}?",
     "Tell me the code of the {k}.", "Which code does the {k} have?", "The code of the {k}?"),
    who="What has the code {v}?",
)  # fmt: skip
def _attribute(name: str) -> Kind:
    return Kind(
        any_name, _code,
        (f"The {name} of {{k}} is {{v}}.", f"{{k}}'s {name} is {{v}}.", f"The {name} for {{k}} is {{v}}."),
        (f"What is the {name} of {{k}}?", f"What is {{k}}'s {name}?", f"Tell me the {name} of {{k}}.", f"The {name} of {{k}}?",
         f"What is the {name} for {{k}}?"),
        many=f"What are the {name}s of {{k}}?", who=f"Whose {name} is {{v}}?",
    )  # fmt: skip


ATTRIBUTE_KINDS = [_attribute(name) for name in ATTRIBUTES]
ENTRY = Kind(
    _identifier, lambda r: r.choice((any_word, _code))(r),
    ("{k} = {v}", "{k}: {v}", "- {k}: {v}", "{k} is {v}."),
    ("What is the value of {k}?", "What is {k}?", "Tell me the value of {k}.", "{k}?", "{k} ="),
    many="What are the values of {k}?",
)  # fmt: skip
HOME = Kind(
    any_name, _from(CITIES), ("{k} lives in {v}.", "The home of {k} is {v}.", "{k} comes from {v}."),
    ("Where does {k} live?", "In which city does {k} live?", "What is the home of {k}?"),
)  # fmt: skip
COLOUR = Kind(
    any_name, _from(COLOURS), ("The favourite colour of {k} is {v}.", "{k}'s favourite colour is {v}.", "{k} likes the colour {v}."),
    ("What is the favourite colour of {k}?", "What is {k}'s favourite color?", "Which colour does {k} like?"),
    many="What are the favourite colours of {k}?",
)  # fmt: skip
FOOD = Kind(
    any_name, _from(FOODS), ("{k} likes {v}.", "The favourite food of {k} is {v}.", "{k} eats {v}."),
    ("What does {k} like?", "What is the favourite food of {k}?", "What does {k} eat?"),
)  # fmt: skip
PET = Kind(
    any_name, _from(ANIMALS), ("{k} has a {v}.", "{k} owns a {v}.", "The pet of {k} is a {v}."),
    ("Which animal does {k} have?", "What pet does {k} have?", "What animal does {k} own?"),
)  # fmt: skip
JOB = Kind(
    any_name, _from(JOBS), ("{k} is a {v}.", "{k} works as a {v}.", "The job of {k} is {v}."),
    ("What is the job of {k}?", "What does {k} work as?", "What is {k}'s job?"),
)  # fmt: skip
AGE = Kind(
    any_name, lambda r: str(r.randint(2, 99)), ("{k} is {v} years old.", "The age of {k} is {v}."),
    ("How old is {k}?", "What is the age of {k}?"), many="How old are {k}?",
)  # fmt: skip
PLACE = Kind(
    _thing, _from(PLACES), ("The {k} is in the {v}.", "You can find the {k} in the {v}.", "I left the {k} in the {v}."),
    ("Where is the {k}?", "Where can I find the {k}?", "In which place is the {k}?"),
)  # fmt: skip
KIND_GROUPS = [[SECRET], [SECRET], [SECRET], [CODE], [CODE], ATTRIBUTE_KINDS, [ENTRY], [ENTRY], [HOME], [COLOUR], [FOOD], [PET],
               [JOB], [AGE], [PLACE]]  # fmt: skip

# What users say of themselves: the statement, the question, the answer.
SELF_KINDS = [
    Kind(lambda r: "name", any_name, ("My name is {v}.", "I am {v}.", "I'm {v}.", "Call me {v}."),
         ("What is my name?", "Who am I?", "What's my name?", "Do you remember my name?"), answer="Your name is {v}."),
    Kind(lambda r: "colour", _from(COLOURS), ("My favourite colour is {v}.", "My favorite color is {v}.", "I like the colour {v}."),
         ("What is my favourite colour?", "What is my favorite color?", "Which colour do I like?"),
         answer="Your favourite colour is {v}."),
    Kind(lambda r: "city", _from(CITIES), ("I live in {v}.", "My home is {v}."), ("Where do I live?", "In which city do I live?"),
         answer="You live in {v}."),
    Kind(lambda r: "age", lambda r: str(r.randint(5, 99)), ("I am {v} years old.", "My age is {v}."),
         ("How old am I?", "What is my age?"), answer="You are {v} years old."),
    Kind(lambda r: "pet", _from(ANIMALS), ("I have a {v}.", "My pet is a {v}."), ("What pet do I have?", "Which animal do I have?"),
         answer="You have a {v}."),
    Kind(lambda r: "food", _from(FOODS), ("I like {v}.", "My favourite food is {v}."), ("What food do I like?", "What is my favourite food?"),
         answer="You like {v}."),
    Kind(lambda r: "job", _from(JOBS), ("I am a {v}.", "I work as a {v}."), ("What is my job?", "What do I work as?"),
         answer="You are a {v}."),
    Kind(lambda r: "secret", any_word, ("My secret word is {v}.", "The secret word is {v}.", "The magic word is {v}."),
         ("What is the secret word?", "What is my secret word?", "What is the magic word?"), answer="The secret word is {v}."),
    Kind(lambda r: "code", _code, ("My code is {v}.", "The code is {v}.", "The password is {v}."),
         ("What is the code?", "What is my code?", "What is the password?"), answer="The code is {v}."),
]  # fmt: skip

SELF_KIND_OF = {kind.key(Random(0)): kind for kind in SELF_KINDS}


@dataclass(frozen=True)
class Fact:
    kind: Kind
    key: str
    value: str
    statement: str


def _state(rng: Random, kind: Kind, key: str, value: str) -> Fact:
    return Fact(kind, key, value, rng.choice(kind.statements).format(k=key, v=value))


def draw_facts(rng: Random, split: Split, count: int, kinds: list[Kind]) -> list[Fact]:
    """`count` facts, no two of the same kind about the same key."""
    facts: dict[tuple[int, str], Fact] = {}  # kind and key -> fact
    while len(facts) < count:
        kind = rng.choice(kinds)
        fact = _state(rng, kind, *draw(rng, split, lambda r: (kind.key(r), kind.value(r))))
        facts.setdefault((id(fact.kind), fact.key), fact)
    return list(facts.values())


@dataclass(frozen=True)
class Query:
    """A question, its answer, and the statement the answer was in."""

    question: str
    answer: str
    evidence: str


def _ask(rng: Random, facts: list[Fact], targets: list[Fact]) -> Query:
    """About the first target; now and then about all of them, or from value to key."""
    first = targets[0]
    kind = first.kind
    same = [fact for fact in targets if fact.kind is kind]
    chance = rng.random()
    if kind.many and len(same) > 1 and chance < 0.15:
        question = kind.many.format(k=join_list([fact.key for fact in same]))
        return Query(question, ", ".join(fact.value for fact in same), first.statement)
    unique = sum(fact.value == first.value and fact.kind is kind for fact in facts) == 1
    if kind.who and unique and chance > 0.92:
        answer = first.key if kind is not CODE else f"the {first.key}"
        return Query(kind.who.format(v=first.value), answer, first.statement)
    return Query(rng.choice(kind.one).format(k=first.key), first.value, first.statement)


def dialogue(rng: Random, split: Split, max_facts: int, max_fillers: int, max_questions: int = 12) -> Dialogue:
    """Fillers are sentences, of about 12 tokens each; they stand between the facts."""
    count = rng.randint(1, max_facts) if rng.random() < 0.5 else rng.randint(max(1, max_facts // 2), max_facts)
    kinds = [rng.choice(group) for group in rng.sample(KIND_GROUPS, rng.choice((1, 1, 2, 3)))]
    facts = draw_facts(rng, split, count, kinds)
    lines = filler.sentences(rng, rng.randint(0, max_fillers) if rng.random() < 0.7 else 0)
    for fact in facts:
        lines.insert(rng.randint(0, len(lines)), fact.statement)
    text = _lay_out(rng, lines, prose=ENTRY not in kinds)

    queries = []
    for _ in range(rng.randint(min(2, max_questions), max_questions)):
        queries.append(_ask(rng, facts, rng.sample(facts, min(len(facts), rng.choice((1, 2, 3))))))
    if len(queries) > 1 and rng.random() < 0.05:
        untold = rng.choice(facts[0].kind.one).format(k=_untold_key(rng, facts))
        queries.insert(rng.randrange(len(queries)), Query(untold, UNTOLD, ""))
    messages = _open(rng, text, queries[0])
    for query in queries[1:]:
        messages += [user(query.question), assistant(query.answer)]
    return Dialogue("recall", messages, evidence=queries[-1].evidence)


def _open(rng: Random, text: str, query: Query) -> list[dict]:
    """The facts in the system prompt, in the first question, or in a message of their own."""
    answered = assistant(query.answer)
    where = rng.random()
    if where < 0.3:
        openings = ("", "", "You know these facts. ", "Facts:\n", "Remember this:\n", "You are a helpful assistant. ")
        return [system(rng.choice(openings) + text), user(query.question), answered]
    if where < 0.75:
        openings = ("", "", "Remember this. ", "Here are some facts. ", "Facts:\n", "Read this text:\n")
        gap = rng.choice((" ", " ", "\n", "\n\n", "\n\nQuestion: "))
        return [user(rng.choice(openings) + text + gap + query.question), answered]
    openings = ("Remember this: ", "Remember: ", "Please remember this. ", "Note this: ", "Learn these facts:\n")
    return [user(rng.choice(openings) + text), assistant("Noted."), user(query.question), answered]


def _untold_key(rng: Random, facts: list[Fact]) -> str:
    told = {fact.key for fact in facts}
    while (key := facts[0].kind.key(rng)) in told:
        pass
    return key


def _lay_out(rng: Random, lines: list[str], prose: bool) -> str:
    if prose and rng.random() < 0.75:
        return " ".join(lines)
    bullet = rng.choice(("", "", "- "))
    return "\n".join(bullet + line for line in lines)


def about_me(rng: Random, split: Split) -> Dialogue:
    """What the user said of themselves, turn by turn, and asked about later."""
    # Each fact alone has few values, so it is their combination that is held out.
    told = draw(rng, split, lambda r: [(kind.key(r), kind.value(r)) for kind in r.sample(SELF_KINDS, r.randint(1, 4))])
    facts = [_state(rng, SELF_KIND_OF[key], key, value) for key, value in told]
    messages = []
    if rng.random() < 0.5:
        for fact in facts:
            opening = rng.choice(("", "", "Remember: ", "Hi! ", "Please remember: "))
            messages += [user(opening + fact.statement), assistant("Noted.")]
    else:
        messages += [user(" ".join(fact.statement for fact in facts)), assistant("Noted.")]
    rng.shuffle(facts)
    for fact in facts:
        messages += [user(rng.choice(fact.kind.one)), assistant(fact.kind.answer.format(v=fact.value))]
    return Dialogue("recall of self", messages)
