"""JSON objects on request: from keys and values, or from a sentence and the keys to take out of it."""

from random import Random

from dialogue import Turn, to_json
from split import Split, draw
from words import ADJECTIVES, ANIMALS, CITIES, COLOURS, FOODS, JOBS, any_name, any_word, digits, mixed_code

FIELDS = {
    "name": any_name,
    "age": lambda r: r.randint(1, 99),
    "city": lambda r: r.choice(CITIES),
    "colour": lambda r: r.choice(COLOURS),
    "color": lambda r: r.choice(COLOURS),
    "animal": lambda r: r.choice(ANIMALS),
    "food": lambda r: r.choice(FOODS),
    "job": lambda r: r.choice(JOBS),
    "id": lambda r: int(digits(r, r.randint(1, 5))),
    "code": mixed_code,
    "price": lambda r: r.choice((r.randint(1, 500), r.randint(1, 99) + r.randint(1, 99) / 100)),
    "count": lambda r: r.randint(0, 999),
    "active": lambda r: r.random() < 0.5,
    "title": lambda r: f"the {r.choice(ADJECTIVES)} {any_word(r)}",
    "numbers": lambda r: [r.randint(0, 99) for _ in range(r.randint(2, 4))],
    "tags": lambda r: [any_word(r) for _ in range(r.randint(2, 3))],
}
REQUESTS = [
    "Give me a JSON object with {}.", "Give me a JSON object with {}", "Return a JSON object with {}.",
    "Write a JSON object with {}.", "Return JSON with {}.", "Create a JSON object with {}.", "JSON with {}, please.",
    "Make a JSON object with {}.", "Give me JSON with {}.",
]  # fmt: skip
EXTRACTIONS = [
    "{text} Give me this as a JSON object with the keys {keys}.", "{text} Return JSON with the keys {keys}.",
    "Extract {keys} as JSON: {text}", "Write a JSON object with {keys} from this text: {text}", "As JSON: {text}",
]  # fmt: skip
SENTENCES = {
    ("name", "age"): "{name} is {age} years old.",
    ("name", "age", "city"): "{name} is {age} years old and lives in {city}.",
    ("name", "city"): "{name} lives in {city}.",
    ("name", "job", "city"): "{name} works as a {job} in {city}.",
    ("name", "animal", "food"): "{name} has a {animal} and likes {food}.",
    ("name", "colour"): "The favourite colour of {name} is {colour}.",
    ("city", "count"): "There are {count} people in {city}.",
}


def join_list(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def _spoken(value: object) -> str:
    return value if isinstance(value, str) else to_json(value)


def turn(rng: Random, split: Split) -> Turn:
    return _extraction(rng, split) if rng.random() < 0.25 else _request(rng, split)


def _request(rng: Random, split: Split) -> Turn:
    def sample(r: Random) -> dict:
        keys = r.sample(list(FIELDS), r.randint(1, 4))
        fields = {key: FIELDS[key](r) for key in keys}
        if r.random() < 0.25:
            fields[any_word(r)] = r.choice((any_word(r), r.randint(0, 999)))
        return fields

    fields = draw(rng, split, sample)
    link = rng.choice((" ", " ", " ", "=", ": ", " is ", " set to "))
    the = rng.choice(("", "", "the ")) if link == " " else ""
    pairs = [f"{the}{key}{link}{_spoken(value)}" for key, value in fields.items()]
    return Turn("json", rng.choice(REQUESTS).format(join_list(pairs)), to_json(fields))


def _extraction(rng: Random, split: Split) -> Turn:
    def sample(r: Random) -> dict:
        return {key: FIELDS[key](r) for key in r.choice(list(SENTENCES))}

    fields = draw(rng, split, sample)
    text = SENTENCES[tuple(fields)].format(**fields)
    return Turn("json", rng.choice(EXTRACTIONS).format(text=text, keys=join_list(list(fields))), to_json(fields))
