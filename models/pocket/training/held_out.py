"""Writes held-out.jsonl: dialogues with their expected answers, for the service's own tests."""

import json
from itertools import islice
from pathlib import Path

from dialogue import Dialogue, render_answer
from evaluate import examples, task_makers
from packing import Encoder

PER_TASK = 18
PER_LONG_RECALL = 12
MAX_BYTES = 300_000


def write_held_out(path: Path, encoder: Encoder) -> None:
    lines = []
    for name, make in task_makers(encoder).items():
        count = PER_LONG_RECALL if name.endswith("3000 tokens back") else PER_TASK
        for item in islice(examples(make, name), count):
            if isinstance(item, Dialogue):
                entry: dict[str, object] = {"task": name, "messages": item.messages[:-1]}
                if item.tools:
                    entry["tools"] = item.tools
                entry["answer"] = render_answer(item.messages[-1])
                lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
    text = "".join(lines)
    assert len(text.encode()) <= MAX_BYTES, len(text.encode())
    path.write_text(text)
