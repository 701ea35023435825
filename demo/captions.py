"""Words of the demo data: relative captions, product captions, attribute tags.

A relative caption has one clause per changed attribute, drawn from the phrasings of that change:
absolute ("has short sleeves"), comparative ("has longer sleeves"), or against the reference
("is red instead of blue"). With the reference's attributes known, every clause has one meaning.
"""

from demo.footwear import FOOTWEAR
from demo.garments import ATTRIBUTES

# Phrasings of each value: a verb and words, the plainest first.
_VALUE = {
    "kind": {kind: [f"are {kind}s", f"is a {kind}"] for kind in FOOTWEAR},
    "colour": {name: [f"is {name}", f"is {name} in color"] for name in ATTRIBUTES["colour"]},
    "pattern": {
        "plain": ["is plain", "is solid without a pattern"],
        "striped": ["is striped", "has stripes"], "dotted": ["has polka dots", "is dotted"],
        "checked": ["is checked", "has a plaid pattern"],
        "zigzag": ["has a zigzag pattern", "has zigzag lines"],
    },
    "sleeves": {
        "none": ["is sleeveless", "has no sleeves"],
        "short": ["has short sleeves", "is short sleeved"],
        "long": ["has long sleeves", "is long sleeved"],
    },
    "neckline": {
        "round": ["has a round neck", "has a scoop neckline"],
        "v": ["has a v neck", "has a deep v shaped neckline"],
        "high": ["has a high neck", "has a turtleneck"],
        "collar": ["has a collar", "is collared with buttons"],
    },
    "graphic": {
        "none": ["has no graphic", "has no print on the front"],
        **{x: [f"has a {x} on it", f"has a {x} graphic"] for x in ATTRIBUTES["graphic"][1:]},
    },
    "heel": {
        "flat": ["has flat soles", "is flat without a heel"],
        "medium": ["has medium heels", "is of medium heel height"],
        "high": ["has high heels", "is high heeled"],
    },
    "trim": {
        "none": ["has no trim", "is without decoration"],
        "belt": ["has a belt", "is belted at the waist"],
        "bow": ["has a bow", "is tied with a bow"], "buckle": ["has a buckle", "has a gold buckle"],
        "flower": ["has a flower", "is decorated with a flower"],
    },
    "length": {
        "short": ["is cropped", "ends at the waist"],
        "medium": ["is hip length", "ends at the hips"],
        "long": ["is thigh length", "is a long tunic"],
    },
    "dress length": {
        "short": ["is a mini dress", "ends above the knees"],
        "medium": ["is knee length", "ends at the knees"],
        "long": ["is floor length", "is a maxi dress"],
    },
}  # fmt: skip
_VALUE["colour"]["purple"].append("is violet")
_COMPARATIVE = {  # upwards, downwards
    "sleeves": ("has {} sleeves", "longer", "shorter"),
    "length": ("is {}", "longer", "shorter"),
    "heel": ("has {} heels", "higher", "lower"),
}
_SLOT_LENGTH = {
    **dict.fromkeys(("dress", "skirt"), ("mini", "midi", "maxi")),
    "toptee": ("cropped", "classic", "tunic"),
    "jacket": ("cropped", "classic", "long"),
    "pants": ("short", "cropped", "full"),
}


def _wording(kind, attribute):
    """{value: its phrasings} of one attribute."""
    return _VALUE["dress length" if (kind, attribute) == ("dress", "length") else attribute]


def clauses(kind, attribute, old, new):
    """All phrasings of one change."""
    phrases = list(_wording(kind, attribute)[new])
    if attribute in ("colour", "pattern"):
        phrases.append(f"is {new} instead of {old}")
    if attribute in _COMPARATIVE:
        phrase, more, less = _COMPARATIVE[attribute]
        order = ATTRIBUTES[attribute]
        steps = order.index(new) - order.index(old)
        adverb = "much " if abs(steps) > 1 else ""
        phrases.append(phrase.format(adverb + (more if steps > 0 else less)))
    return phrases


def sentence(caption):
    """The text of a relative caption; a verb is not said twice in a row."""
    parts, said = [], None
    for clause in caption.values():
        verb, words = clause.split(" ", 1)
        parts.append(words if verb == said else clause)
        said = verb
    return " and ".join(parts)


def relative_captions(rng, reference, target, count):
    """`count` captions {attribute: clause} of one triplet, each naming every change, in different
    words."""
    changed = [name for name in ATTRIBUTES if getattr(reference, name) != getattr(target, name)]
    phrasings = {}
    for name in changed:
        phrases = clauses(reference.kind, name, getattr(reference, name), getattr(target, name))
        phrasings[name] = [phrases[i] for i in rng.permutation(len(phrases))]
    orders = [[changed[i] for i in rng.permutation(len(changed))] for _ in range(count)]
    return [{name: phrasings[name][n] for name in order} for n, order in enumerate(orders)]


def shoe_caption(shoe):
    """A product caption as in captions_shoes.json: "red striped high heeled boots with a bow"."""
    heel = shoe.heel if shoe.heel == "flat" else f"{shoe.heel} heeled"
    trim = [] if shoe.trim == "none" else [f"with a {shoe.trim}"]
    return " ".join([shoe.colour, shoe.pattern, heel, f"{shoe.kind}s", *trim])


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
        phrase = _wording(garment.kind, attribute)[getattr(garment, attribute)][0]
        return [word for word in phrase.split()[1:] if word != "a"]

    decoration = garment.graphic or garment.trim
    return [
        ["top" if garment.kind == "toptee" else garment.kind], [garment.pattern], [garment.colour],
        words("sleeves") + words("length"), words("neckline"),
        [] if decoration == "none" else [decoration],
    ]  # fmt: skip
