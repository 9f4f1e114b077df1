"""The word lists the text is made of, and invented words for what no list holds."""

from random import Random

NAMES = """Mira Tom Anna Ben Clara David Elena Felix Grace Hugo Iris Jack Kira Leo Maya Noah Olga Paul Quinn Rosa Sam
Tara Uma Victor Wendy Xena Yara Zoe Alice Bob Carol Dan Eve Frank Gina Henry Ivan Julia Karl Lena Mark Nina Oscar Petra
Ralf Sara Theo Ursula Vera Will Amir Bella Chen Diego Emma Farah George Hana Isaac Jonas Kate Liam Maria Nadia Omar Priya
Ravi Sofia Tim Lucy Peter Ruth Simon Lily Max Nora Otto Pia Rita Sven Tess Walter Ada Alan Grete Kofi Aiko Luca Marta
Yusuf Ines Jan Lars Mona Nils Olive""".split()

NOUNS = """lantern anchor basket bottle bridge candle carpet castle chair clock coat copper cup desk diamond door drum
engine feather fence field flag flute forest fork fountain garden gate glass glove guitar hammer harbor hat helmet hill
island jacket jar key kite knife ladder lake lamp leaf lemon letter lock map marble meadow mirror moon mountain mug needle
nest notebook ocean orange paddle paper pearl pencil piano pillow pine pocket pot puzzle quilt radio rain ribbon ring river
robot rocket roof rope saddle sail salt scarf shadow shell shield ship silver spoon star stone storm stove sugar sun sword
table tent thread ticket timber tower train trumpet tunnel umbrella valley vase velvet violin wagon wall watch water wheel
whistle willow window winter wood zipper""".split()

ADJECTIVES = """old new small big tall short blue green red white black bright dark quiet loud warm cold fast slow heavy
light round square soft hard wet dry clean dusty broken golden wooden iron plain strange early late happy sleepy brave
gentle clever hidden empty full narrow wide deep lonely rusty sharp smooth sunny windy""".split()

COLOURS = """red blue green yellow orange purple pink brown black white grey teal gold silver violet crimson""".split()

CITIES = """Paris London Berlin Rome Madrid Lisbon Vienna Prague Warsaw Oslo Helsinki Athens Dublin Cairo Tokyo Delhi
Lima Boston Chicago Toronto Sydney Nairobi Zurich Munich Hamburg Lyon Milan Porto Kyoto Seoul Austin Denver Geneva
Brussels Amsterdam Istanbul Bogota Havana Lagos Dakar""".split()

ANIMALS = """cat dog horse rabbit parrot turtle fox owl bear goat sheep duck frog mouse tiger lion snake swan eagle
hamster pony whale dolphin""".split()

FOODS = """apple bread cheese soup rice pasta salad honey cake banana pear cherry plum grape tomato potato carrot onion
pizza butter chocolate pancakes noodles beans olives""".split()

JOBS = """teacher doctor baker farmer pilot nurse painter singer writer lawyer cook dentist driver gardener carpenter
sailor engineer plumber""".split()

PLACES = """market station library school park museum kitchen garage office church square harbor village bakery cellar
attic hall street beach""".split()

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

MONTHS = """January February March April May June July August September October November December""".split()

CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Portugal": "Lisbon",
    "Austria": "Vienna", "Poland": "Warsaw", "Norway": "Oslo", "Finland": "Helsinki", "Greece": "Athens",
    "Ireland": "Dublin", "Egypt": "Cairo", "Japan": "Tokyo", "England": "London", "Peru": "Lima",
    "Kenya": "Nairobi", "Cuba": "Havana", "Colombia": "Bogota", "Belgium": "Brussels",
}  # fmt: skip

# What a person may have that is a number: "the <attribute> of <name>".
ATTRIBUTES = ["number", "code", "password", "key", "pin", "phone number", "room", "score"]

_ONSETS = "b br c d dr f fl g gr h j k kl l m n p pl r s st t tr v w z qu sh".split()
_VOWELS = "a e i o u ai ou ee".split()
_CODAS = ["", "", "n", "r", "l", "s", "m", "t", "x"]


def invented_word(rng: Random) -> str:
    """A word of one to three syllables that is on no list, so that recall and copying are not list look-ups."""
    syllables = rng.choice((1, 2, 2, 3))
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(syllables))


def any_word(rng: Random) -> str:
    """Mostly a listed word, now and then an invented one."""
    if rng.random() < 0.2:
        return invented_word(rng)
    return rng.choice(rng.choice((NOUNS, NOUNS, NOUNS, ANIMALS, FOODS, COLOURS)))


def any_name(rng: Random) -> str:
    return invented_word(rng).capitalize() if rng.random() < 0.1 else rng.choice(NAMES)


def digits(rng: Random, length: int) -> str:
    """A number of exactly `length` digits, without a leading zero."""
    return str(rng.randint(10 ** (length - 1), 10**length - 1))


def mixed_code(rng: Random) -> str:
    """Codes such as X7-qKp2: letters of both cases, digits, dashes."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
    groups = [
        "".join(rng.choice(letters) for _ in range(rng.randint(1, 5))) for _ in range(rng.choice((1, 1, 2, 2, 3)))
    ]
    return rng.choice(("-", "-", "_", ".")).join(groups)
