"""The tokenizer: byte-level BPE over the generated text. Every byte has a token, so any UTF-8 survives a round trip,
and every digit stands alone, so sums and codes are read digit by digit."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from dialogue import END_OF_TEXT, TURN_END, TURN_START, Dialogue, PlainText, render_dialogue
from mixture import Difficulty, example
from split import Split

CONTROL_TOKENS = [END_OF_TEXT, TURN_START, TURN_END]
# Not control tokens: they must survive decoding that skips those, since clients parse them.
TOOL_TOKENS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]

# Qwen2's split: contractions, words with their leading space, single digits, punctuation, line ends, spaces.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CHAT_TEMPLATE = Path(__file__).parent / "chat-template.jinja"
TRAINING_EXAMPLES = 60_000
SEED = 11


MARKUP = re.compile("|".join(map(re.escape, CONTROL_TOKENS + TOOL_TOKENS)))


def training_texts() -> Iterator[str]:
    """Without the markup: its tokens are given, not learned."""
    rng = Random(SEED)
    difficulty = Difficulty(max_facts=12, max_fillers=8)
    for _ in range(TRAINING_EXAMPLES):
        item = example(rng, Split.TRAIN, difficulty)
        yield from MARKUP.split(render_dialogue(item) if isinstance(item, Dialogue) else item.prompt + item.answer)


def train_tokenizer(vocab_size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=CONTROL_TOKENS + TOOL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(training_texts(), trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, directory: Path, max_positions: int) -> None:
    description = json.loads(tokenizer.to_str())
    for token in description["added_tokens"]:
        token["special"] = token["content"] in CONTROL_TOKENS
    (directory / "tokenizer.json").write_text(json.dumps(description, ensure_ascii=False, indent=1) + "\n")
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    config = {
        "added_tokens_decoder": {
            str(token["id"]): {"content": token["content"], **flags, "special": token["special"]}
            for token in description["added_tokens"]
        },
        "add_bos_token": False,
        "add_prefix_space": False,
        "bos_token": None,
        "chat_template": CHAT_TEMPLATE.read_text().rstrip("\n"),
        "clean_up_tokenization_spaces": False,
        "eos_token": TURN_END,
        "errors": "replace",
        "model_max_length": max_positions,
        "pad_token": END_OF_TEXT,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": None,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n")


ROUND_TRIPS = ["naïve café", "日本語 中文 한국어", "Привет, мир", "مرحبا بالعالم", "🦊🚀 👩‍👩‍👧‍👦 🇫🇷", "\t \n\n  x\r\n", "\u0000\ufeff\U0010ffff"]


def check_tokenizer(directory: Path) -> None:
    """Any text survives a round trip; our rendering is the chat template's, token for token."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(directory)
    for text in ROUND_TRIPS:
        decoded = tokenizer.decode(tokenizer.encode(text))
        assert decoded == text, (text, decoded)
    rng = Random(SEED + 1)
    for _ in range(500):
        item = example(rng, Split.TRAIN, Difficulty(max_facts=6, max_fillers=3))
        if isinstance(item, Dialogue):
            theirs = tokenizer.apply_chat_template(item.messages, tools=item.tools or None, tokenize=False)
            assert theirs == render_dialogue(item), (theirs, render_dialogue(item))
            asked = tokenizer.apply_chat_template(
                item.messages[:-1], tools=item.tools or None, tokenize=False, add_generation_prompt=True
            )
            assert asked == render_dialogue(item, prompt_only=True)
