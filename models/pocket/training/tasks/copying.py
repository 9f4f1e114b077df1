"""Repeating text exactly: words, codes, and text whose characters take several bytes and so several tokens."""

from random import Random

from dialogue import Turn
from split import Split, draw
from words import ADJECTIVES, NOUNS, any_name, any_word, digits, mixed_code

QUESTIONS = [
    "Repeat exactly: {}", "Repeat: {}", "Copy this: {}", "Copy exactly: {}", "Echo: {}", "Repeat after me: {}",
    "Say exactly: {}", 'Repeat the text in quotes: "{}"', "Please repeat: {}", "Repeat this text exactly: {}",
    "Copy the following text.\n{}", "Repeat the following:\n\n{}", "Say: {}", "repeat: {}", "Repeat after me:\n{}",
]  # fmt: skip

SCRIPTS = {
    "accented": "áàâäãåçéèêëíîïñóôöõøúûüýßœæčšžřěłńż",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщыьэюя",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "devanagari": "अआइईउकखगघचछजटडतथदनपफबभमयरलवशसह",
    "thai": "กขคงจชซญดตถทนบปผพฟมยรลวสหอ",
    "kana": "あいうえおかきくけこさしすせそたちつてとなにぬねのアイウエオカキクケコ",
    "cjk": "一二三人大小中国日月火水木金土山川田天地你好世界我是学生北京東京上海心手口目",
    "hangul": "가나다라마바사아자차카타파하한국서울안녕하세요",
    "emoji": "😀😂🙂😍😎🤔🙏👍🎉🚀🔥🌈🌍🌙⭐🍎🍕🐱🐶🦊🐢💡📦🔑🎵❤✨☀",
}  # fmt: skip
# Any code point may be asked for: blocks from which single characters are drawn.
BLOCKS = [(0xA1, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x620, 0x64A), (0x905, 0x939), (0xE01, 0xE2E),
          (0x2190, 0x21FF), (0x2500, 0x257F), (0x3041, 0x30FE), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3),
          (0x1F300, 0x1F5FF), (0x1F600, 0x1F64F), (0x1F680, 0x1F6C5), (0x1F900, 0x1F9FF)]  # fmt: skip


def _words(rng: Random) -> str:
    words = [rng.choice((any_word, any_word, any_word, any_name))(rng) for _ in range(rng.randint(1, 12))]
    joined = rng.choice((" ", " ", " ", ", ")).join(words)
    if rng.random() < 0.3:
        return joined.capitalize() + rng.choice(".!?")
    return joined.upper() if rng.random() < 0.06 else joined


def _sentence(rng: Random) -> str:
    return rng.choice((
        f"The {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} is near the {any_word(rng)}.",
        f"{any_name(rng)} has {rng.randint(2, 99)} {any_word(rng)}s and a {any_word(rng)}.",
        f"I saw a {any_word(rng)}, a {any_word(rng)} and {any_name(rng)}'s {any_word(rng)}.",
    ))  # fmt: skip


def _codes(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.5:
        return " ".join(mixed_code(rng) for _ in range(rng.randint(1, 4)))
    if kind < 0.8:
        return " ".join(digits(rng, rng.randint(1, 6)) for _ in range(rng.randint(1, 6)))
    signs = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&()*+,-./:;<=>?@[]^_{|}~"
    return "".join(rng.choice(signs) for _ in range(rng.randint(3, 16)))


def _multibyte(rng: Random) -> str:
    words = []
    for _ in range(rng.randint(1, 4)):
        kind = rng.random()
        length = rng.randint(1, 6)
        if kind < 0.6:
            alphabet = rng.choice(list(SCRIPTS.values()))
            words.append("".join(rng.choice(alphabet) for _ in range(length)))
        elif kind < 0.85:
            low, high = rng.choice(BLOCKS)
            words.append("".join(chr(rng.randint(low, high)) for _ in range(length)))
        else:
            words.append(any_word(rng))
    return " ".join(words) if rng.random() < 0.8 else "".join(words)


def turn(rng: Random, split: Split) -> Turn:
    return _ask(rng, split, "copy", rng.choice((_words, _words, _sentence, _codes)))


def multibyte_turn(rng: Random, split: Split) -> Turn:
    return _ask(rng, split, "copy multi-byte", _multibyte)


def _ask(rng: Random, split: Split, task: str, sample) -> Turn:
    text = draw(rng, split, lambda r: sample(r).strip())
    return Turn(task, rng.choice(QUESTIONS).format(text), text)
