"""What a task produces, and how it becomes text.

render_dialogue writes exactly what chat-template.jinja writes; tokenizer.py checks the two against each other.
"""

import json
from dataclasses import dataclass, field

END_OF_TEXT = "<|endoftext|>"
TURN_START = "<|im_start|>"
TURN_END = "<|im_end|>"


@dataclass
class Dialogue:
    """Messages in OpenAI form. Every assistant message is an answer to learn; the last one is what evaluation asks for.

    evidence is the sentence that holds the last answer, where there is one: distances are measured from its end.
    """

    task: str
    messages: list[dict]
    tools: list[dict] = field(default_factory=list)
    evidence: str = ""


@dataclass
class PlainText:
    """Text without a chat template: only `answer` is learned, and END_OF_TEXT after it if it ends there."""

    task: str
    prompt: str
    answer: str
    ends: bool = True


@dataclass
class Turn:
    """One question and its answer; several make a dialogue."""

    task: str
    question: str
    answer: str


def user(content: str) -> dict:
    return {"role": "user", "content": content}


def assistant(content: str) -> dict:
    return {"role": "assistant", "content": content}


def system(content: str) -> dict:
    return {"role": "system", "content": content}


def to_json(value) -> str:
    return json.dumps(value, ensure_ascii=False)


def render_call(call: dict) -> str:
    function = call["function"]
    arguments = function["arguments"]
    text = arguments if isinstance(arguments, str) else to_json(arguments)
    return f'<tool_call>\n{{"name": "{function["name"]}", "arguments": {text}}}\n</tool_call>'


def render_answer(message: dict) -> str:
    """What the model writes for an assistant message, without the token that ends its turn."""
    parts = [message["content"]] if message.get("content") else []
    return "\n".join(parts + [render_call(call) for call in message.get("tool_calls", [])])


def render_dialogue(dialogue: Dialogue, *, prompt_only: bool = False) -> str:
    """prompt_only leaves out the last message's text and ends where its answer begins."""
    messages = dialogue.messages
    text = ""
    if messages[0]["role"] == "system" or dialogue.tools:
        content = messages[0]["content"] if messages[0]["role"] == "system" else ""
        if dialogue.tools:
            listed = "\n".join(to_json(tool.get("function", tool)) for tool in dialogue.tools)
            content += ("\n\n" if content else "") + f"You may call these tools:\n<tools>\n{listed}\n</tools>"
        text += f"{TURN_START}system\n{content}{TURN_END}\n"
    for index, message in enumerate(messages):
        role = message["role"]
        if role == "user" or (role == "system" and index > 0):
            text += f"{TURN_START}{role}\n{message['content']}{TURN_END}\n"
        elif role == "assistant":
            text += f"{TURN_START}assistant\n"
            if prompt_only and index == len(messages) - 1:
                return text
            text += render_answer(message) + f"{TURN_END}\n"
        elif role == "tool":
            follows = index > 0 and messages[index - 1]["role"] == "tool"
            precedes = index + 1 < len(messages) and messages[index + 1]["role"] == "tool"
            text += "" if follows else f"{TURN_START}user"
            text += f"\n<tool_response>\n{message['content']}\n</tool_response>"
            text += "" if precedes else f"{TURN_END}\n"
    return text
