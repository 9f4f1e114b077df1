"""Calling tools in the Hermes form, answering from their results, and leaving them alone when none is needed."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dialogue import Dialogue, Turn, assistant, system, to_json, user
from split import Split, draw
from tasks.json_objects import join_list
from words import CITIES, FOODS, NOUNS, any_name, any_word, invented_word

Plain = Callable[[Random, Split], Turn]

WEATHER = ("sunny", "cloudy", "rainy", "windy", "snowy", "foggy")
DONE = "Done."


@dataclass(frozen=True)
class Tool:
    """`respond` gives the tool's result and the sentence that tells it to the user."""

    name: str
    description: str
    parameters: dict[str, str]  # parameter -> JSON Schema type
    sample: Callable[[Random], dict]
    requests: tuple[str, ...]
    respond: Callable[[Random, dict], tuple[object, str]]


def _temperature(rng: Random, arguments: dict) -> tuple[object, str]:
    degrees, sky = rng.randint(-9, 39), rng.choice(WEATHER)
    result = {"temperature": degrees, "condition": sky}
    return result, f"It is {degrees} degrees and {sky} in {arguments['city']}."


def _clock(rng: Random, arguments: dict) -> tuple[object, str]:
    time = f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}"
    return {"time": time}, f"It is {time} in {arguments['city']}."


def _number(rng: Random, arguments: dict) -> tuple[object, str]:
    value = rng.randint(0, 9999)
    return rng.choice((value, {"result": value})), f"The result is {value}."


def _word(rng: Random, arguments: dict) -> tuple[object, str]:
    value = any_word(rng)
    return rng.choice((value, {"result": value})), f"The result is {value}."


def _done(rng: Random, arguments: dict) -> tuple[object, str]:
    return rng.choice(({"status": "ok"}, {"ok": True}, "ok", "done")), DONE


KNOWN = [
    Tool("get_weather", "Get the weather in a city", {"city": "string"}, lambda r: {"city": r.choice(CITIES)},
         ("What is the weather in {city}?", "How is the weather in {city}?", "What's the weather like in {city}?",
          "Tell me the weather in {city}.", "Is it cold in {city}?", "weather in {city}", "Weather in {city}?"), _temperature),
    Tool("get_time", "Get the time in a city", {"city": "string"}, lambda r: {"city": r.choice(CITIES)},
         ("What time is it in {city}?", "What is the time in {city}?", "Tell me the time in {city}."), _clock),
    Tool("add", "Add two numbers", {"a": "number", "b": "number"},
         lambda r: {"a": r.randint(0, 9999), "b": r.randint(0, 9999)},
         ("Add {a} and {b}.", "What is {a} + {b}?", "What is {a} plus {b}?", "Use the tool to add {a} and {b}."), _number),
    Tool("multiply", "Multiply two numbers", {"a": "number", "b": "number"},
         lambda r: {"a": r.randint(0, 999), "b": r.randint(0, 999)},
         ("Multiply {a} by {b}.", "What is {a} * {b}?", "What is {a} times {b}?"), _number),
    Tool("search", "Search for a query", {"query": "string"},
         lambda r: {"query": " ".join(any_word(r) for _ in range(r.randint(1, 3)))},
         ("Search for {query}.", "Search for {query}", "Look up {query}.", "Find {query} on the web."), _word),
    Tool("lookup_user", "Look up a user", {"name": "string"}, lambda r: {"name": any_name(r)},
         ("Look up the user {name}.", "Who is {name}?", "Find the user {name}."), _number),
    Tool("set_timer", "Set a timer", {"minutes": "integer"}, lambda r: {"minutes": r.randint(1, 90)},
         ("Set a timer for {minutes} minutes.", "Start a timer of {minutes} minutes.", "Timer {minutes} minutes"), _done),
    Tool("send_message", "Send a message", {"to": "string", "text": "string"},
         lambda r: {"to": any_name(r), "text": " ".join(any_word(r) for _ in range(r.randint(1, 4)))},
         ("Send the message {text} to {to}.", "Tell {to}: {text}", 'Send {to} the message "{text}".'), _done),
    Tool("get_price", "Get the price of an item", {"item": "string"}, lambda r: {"item": r.choice(FOODS + NOUNS)},
         ("What is the price of {item}?", "How much is the {item}?", "Get the price of {item}."), _number),
]  # fmt: skip

VALUES = {
    "string": any_word,
    "integer": lambda r: r.randint(0, 999),
    "number": lambda r: r.randint(0, 999),
    "boolean": lambda r: r.random() < 0.5,
}


def _invent(rng: Random) -> Tool:
    """A tool no list holds, so that names and parameters are read from the prompt."""
    verb = rng.choice(("get", "find", "set", "open", "make", "check", "move", "read", "start", invented_word(rng)))
    noun = any_word(rng)
    name = rng.choice((f"{verb}_{noun}", f"{verb}_{noun}", noun, f"{verb}{noun.capitalize()}"))
    parameters = {}
    for _ in range(rng.choice((1, 1, 2, 3))):
        # A boolean alone has too few values to hold any back.
        types = list(VALUES) if parameters else ["string", "integer", "number"]
        key = rng.choice((any_word(rng), rng.choice("abnxyz"), "name", "id", "size"))
        parameters.setdefault(key, rng.choice(types))
    pairs = join_list([f"{key} {{{key}}}" for key in parameters])
    requests = (f"Call {name} with {pairs}.", f"Use {name} with {pairs}.", f"Please {verb} the {noun} with {pairs}.",
                f"Use the tool {name} with {pairs}", f"Call the tool {name} with {pairs}.")  # fmt: skip
    sample = lambda r: {key: VALUES[kind](r) for key, kind in parameters.items()}
    return Tool(name, f"{verb.capitalize()} the {noun}", parameters, sample, requests, rng.choice((_number, _word, _done)))


def _schema(rng: Random, tool: Tool) -> dict:
    """The OpenAI form, with the optional parts that clients do or do not send."""
    properties = {}
    for key, kind in tool.parameters.items():
        properties[key] = {"type": kind}
        if rng.random() < 0.15:
            properties[key]["description"] = f"The {key}"
    parameters = {"type": "object", "properties": properties}
    if rng.random() < 0.7:
        parameters["required"] = list(properties)
    if rng.random() < 0.15:
        parameters["additionalProperties"] = False
    function = {"name": tool.name}
    if rng.random() < 0.8:
        function["description"] = tool.description + rng.choice(("", "", "."))
    function["parameters"] = parameters
    if rng.random() < 0.1:
        function["strict"] = True
    return {"type": "function", "function": function}


def _call(tool: Tool, arguments: dict) -> dict:
    return {"type": "function", "function": {"name": tool.name, "arguments": arguments}}


def _request(rng: Random, tool: Tool, arguments: dict) -> str:
    spoken = {key: value if isinstance(value, str) else to_json(value) for key, value in arguments.items()}
    return rng.choice(tool.requests).format(**spoken)


def dialogue(rng: Random, split: Split, plain_turn: Plain, ending: str = "") -> Dialogue:
    """ending: "call", "result" or "none" says what the last answer is; empty lets chance decide."""
    count = rng.choice((1, 1, 2, 3))
    tools: dict[str, Tool] = {}
    while len(tools) < count:
        tool = rng.choice(KNOWN) if rng.random() < 0.55 else _invent(rng)
        tools.setdefault(tool.name, tool)
    offered = list(tools.values())
    opening = rng.random()
    messages = [system(rng.choice(("You are a helpful assistant.", "Be brief.")))] if opening < 0.25 else []
    kinds = [rng.choice(("call", "call", "result", "result", "none")) for _ in range(rng.randint(0, 2))]
    for kind in kinds + [ending or rng.choice(("call", "result", "none"))]:
        if kind == "none":
            plain = plain_turn(rng, split)
            messages += [user(plain.question), assistant(plain.answer)]
            continue
        messages += _exchange(rng, split, rng.choice(offered))
        if kind == "call" and (ending == "call" or rng.random() < 0.3):
            break
    while ending == "call" and not messages[-1].get("tool_calls"):
        messages.pop()
    names = {"call": "tool call", "result": "tool result", "none": "no tool needed", "": "tools"}
    return Dialogue(names[ending], messages, [_schema(rng, tool) for tool in offered])


def _exchange(rng: Random, split: Split, tool: Tool) -> list[dict]:
    """Request, call, result and answer; at times two calls at once."""
    arguments = draw(rng, split, tool.sample)
    if rng.random() < 0.1 and "city" in arguments:
        second = draw(rng, split, tool.sample)
        what = "weather" if tool.name == "get_weather" else "time"
        asked = f"What is the {what} in {arguments['city']} and in {second['city']}?"
        results = [tool.respond(rng, arguments), tool.respond(rng, second)]
        calls = [_call(tool, arguments), _call(tool, second)]
    else:
        asked, results, calls = _request(rng, tool, arguments), [tool.respond(rng, arguments)], [_call(tool, arguments)]
    tool_messages = [{"role": "tool", "content": r if isinstance(r, str) else to_json(r)} for r, _ in results]
    request = {"role": "assistant", "content": "", "tool_calls": calls}
    return [user(asked), request, *tool_messages, assistant(" ".join(told for _, told in results))]
