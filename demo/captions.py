"""Words of the demo data: relative captions, product captions, attribute tags.

A relative caption has one clause per changed attribute, drawn from the phrasings of that change:
absolute ("has short sleeves"), comparative ("has longer sleeves"), or against the reference
("is red instead of blue"). With the reference's attributes known, every clause has one meaning.
"""

from typing import NamedTuple

from demo.footwear import FOOTWEAR
from demo.garments import ATTRIBUTES

# (verb, words) for a value; the first is the plainest
_COLOUR = {name: [("is", name), ("is", f"{name} in color")] for name in ATTRIBUTES["colour"]}
_COLOUR["purple"].append(("is", "violet"))
_VALUE = {
    "kind": {kind: [("are", f"{kind}s"), ("is", f"a {kind}")] for kind in FOOTWEAR},
    "colour": _COLOUR,
    "pattern": {
        "plain": [("is", "plain"), ("is", "solid without a pattern")],
        "striped": [("is", "striped"), ("has", "stripes")],
        "dotted": [("has", "polka dots"), ("is", "dotted")],
        "checked": [("is", "checked"), ("has", "a plaid pattern")],
        "zigzag": [("has", "a zigzag pattern"), ("has", "zigzag lines")],
    },
    "sleeves": {
        "none": [("is", "sleeveless"), ("has", "no sleeves")],
        "short": [("has", "short sleeves"), ("is", "short sleeved")],
        "long": [("has", "long sleeves"), ("is", "long sleeved")],
    },
    "neckline": {
        "round": [("has", "a round neck"), ("has", "a scoop neckline")],
        "v": [("has", "a v neck"), ("has", "a deep v shaped neckline")],
        "high": [("has", "a high neck"), ("has", "a turtleneck")],
        "collar": [("has", "a collar"), ("is", "collared with buttons")],
    },
    "graphic": {
        "none": [("has", "no graphic"), ("has", "no print on the front")],
        "heart": [("has", "a heart on it"), ("has", "a heart graphic")],
        "star": [("has", "a star on it"), ("has", "a star graphic")],
        "moon": [("has", "a moon on it"), ("has", "a moon graphic")],
    },
    "heel": {
        "flat": [("has", "flat soles"), ("is", "flat without a heel")],
        "medium": [("has", "medium heels"), ("is", "of medium heel height")],
        "high": [("has", "high heels"), ("is", "high heeled")],
    },
    "trim": {
        "none": [("has", "no trim"), ("is", "without decoration")],
        "belt": [("has", "a belt"), ("is", "belted at the waist")],
        "bow": [("has", "a bow"), ("is", "tied with a bow")],
        "buckle": [("has", "a buckle"), ("has", "a gold buckle")],
        "flower": [("has", "a flower"), ("is", "decorated with a flower")],
    },
}
_DRESS_LENGTH = {
    "short": [("is", "a mini dress"), ("ends", "above the knees")],
    "medium": [("is", "knee length"), ("ends", "at the knees")],
    "long": [("is", "floor length"), ("is", "a maxi dress")],
}
_TOP_LENGTH = {
    "short": [("is", "cropped"), ("ends", "at the waist")],
    "medium": [("is", "hip length"), ("ends", "at the hips")],
    "long": [("is", "thigh length"), ("is", "a long tunic")],
}
_COMPARATIVE = {  # verb, words, upwards, downwards
    "sleeves": ("has", "{} sleeves", "longer", "shorter"),
    "length": ("is", "{}", "longer", "shorter"),
    "heel": ("has", "{} heels", "higher", "lower"),
}


class Caption(NamedTuple):
    """A relative caption and what it was made of."""

    text: str
    clauses: tuple  # of (attribute, verb, words)


def values_wording(kind, attribute):
    """{value: [(verb, words), ...]} of one attribute."""
    if attribute == "length":
        return _DRESS_LENGTH if kind == "dress" else _TOP_LENGTH
    return _VALUE[attribute]


def clauses(kind, attribute, old, new):
    """All phrasings of one change -> list of (verb, words)."""
    wording = values_wording(kind, attribute)
    phrases = list(wording[new])
    if attribute in ("colour", "pattern"):
        phrases.append(("is", f"{new} instead of {old}"))
    if attribute in _COMPARATIVE:
        verb, words, more, less = _COMPARATIVE[attribute]
        order = ATTRIBUTES[attribute]
        steps = order.index(new) - order.index(old)
        adverb = "much " if abs(steps) > 1 else ""
        phrases.append((verb, words.format(adverb + (more if steps > 0 else less))))
    return phrases


def _join(parts):
    """(verb, words) in order -> text; a verb is not said twice in a row."""
    text, said = "", None
    for verb, words in parts:
        clause = words if verb == said else f"{verb} {words}"
        text = f"{text} and {clause}" if text else clause
        said = verb
    return text


def relative_captions(rng, reference, target, count=2):
    """`count` captions for one triplet, each naming every change, in different words."""
    changed = [name for name in ATTRIBUTES if getattr(reference, name) != getattr(target, name)]
    phrasings = {}
    for name in changed:
        old, new = (getattr(garment, name) for garment in (reference, target))
        phrases = clauses(reference.kind, name, old, new)
        phrasings[name] = [phrases[i] for i in rng.permutation(len(phrases))]
    captions = []
    for number in range(count):
        order = [changed[i] for i in rng.permutation(len(changed))]
        chosen = tuple((name, *phrasings[name][number]) for name in order)
        captions.append(Caption(_join([clause[1:] for clause in chosen]), chosen))
    return captions


_SHOE_TRIM = {"none": "", "bow": "with a bow", "buckle": "with a buckle", "flower": "with a flower"}
_HEEL = {"flat": "flat", "medium": "medium heeled", "high": "high heeled"}
_SLOT_LENGTH = {
    "dress": ("mini", "midi", "maxi"),
    "toptee": ("cropped", "classic", "tunic"),
    "jacket": ("cropped", "classic", "long"),
    "pants": ("short", "cropped", "full"),
    "skirt": ("mini", "midi", "maxi"),
}


def shoe_caption(shoe):
    """A product caption as in captions_shoes.json: "red striped high heeled boots with a bow"."""
    words = [shoe.colour, shoe.pattern, _HEEL[shoe.heel], f"{shoe.kind}s", _SHOE_TRIM[shoe.trim]]
    return " ".join(word for word in words if word)


def product_caption(garment):
    """A Fashion200k caption; one changed attribute is one changed word."""
    length = _SLOT_LENGTH[garment.kind][ATTRIBUTES["length"].index(garment.length)]
    words = [garment.colour, garment.pattern]
    if garment.sleeves:
        words += [garment.sleeves, "sleeve"]
    return " ".join([*words, length, "top" if garment.kind == "toptee" else garment.kind])


def tags(garment):
    """Attribute words of a FashionIQ image, six lists as in asin2attr.*.json."""

    def words(attribute):
        value = getattr(garment, attribute)
        phrase = values_wording(garment.kind, attribute)[value][0][1]
        return [word for word in phrase.split() if word != "a"]

    print_or_trim = garment.graphic or garment.trim
    kind = {"toptee": "top"}.get(garment.kind, garment.kind)
    return [
        [kind],
        [garment.pattern],
        [garment.colour],
        words("sleeves") + words("length"),
        words("neckline"),
        [] if print_or_trim == "none" else [print_or_trim],
    ]
