"""Garments of the demo data: their attributes, labels, and how one is drawn as a small photograph.

A garment is a kind and a value for each attribute of its kind; draw() adds what a photograph
varies without meaning: place, scale, small rotation, mirror image, shade, background, light, noise.
"""

from collections import namedtuple

from demo.canvas import COLOURS, Canvas
from demo.clothes import CLOTHES
from demo.footwear import FOOTWEAR

# All values of each attribute. Sleeves, length and heel are in rising order.
ATTRIBUTES = {
    "kind": (*CLOTHES, *FOOTWEAR),
    "colour": tuple(COLOURS),
    "pattern": ("plain", "striped", "dotted", "checked", "zigzag"),
    "sleeves": ("none", "short", "long"),
    "length": ("short", "medium", "long"),
    "neckline": ("round", "v", "high", "collar"),
    "graphic": ("none", "heart", "star", "moon"),
    "heel": ("flat", "medium", "high"),
    "trim": ("none", "belt", "bow", "buckle", "flower"),
}
_UPPER = {name: ATTRIBUTES[name] for name in ("sleeves", "length")}
_UPPER["neckline"] = ("round", "v", "high")
_PRINT = {"graphic": ATTRIBUTES["graphic"]}
_SHOE = {"heel": ATTRIBUTES["heel"], "trim": ("none", "bow", "buckle", "flower")}
_OWN = {
    "dress": {**_UPPER, "trim": ("none", "belt", "bow")},
    "shirt": {**_UPPER, **_PRINT, "neckline": ("round", "v", "collar")},
    "toptee": {**_UPPER, **_PRINT},
    **dict.fromkeys(("jacket", "pants", "skirt"), {"length": ATTRIBUTES["length"]}),
    **dict.fromkeys(FOOTWEAR, _SHOE),
}
# For each kind, the attributes it has and their possible values.
VALUES = {
    kind: {"colour": ATTRIBUTES["colour"], "pattern": ATTRIBUTES["pattern"], **own}
    for kind, own in _OWN.items()
}


# One garment; an attribute its kind lacks is empty.
Garment = namedtuple("Garment", ATTRIBUTES, defaults=[""] * 6)


def held_out(garment):
    """Whether the garment's colour x pattern never occurs in training: one pattern per colour."""
    patterns = ATTRIBUTES["pattern"]
    number = 1 + ATTRIBUTES["colour"].index(garment.colour) % (len(patterns) - 1)
    return garment.pattern == patterns[number]


def random_garment(rng, kind):
    """A garment with uniformly drawn attributes, but never a held-out one."""
    while True:
        drawn = {name: values[rng.integers(len(values))] for name, values in VALUES[kind].items()}
        garment = Garment(kind, **drawn)
        if not held_out(garment):
            return garment


def labels(garment):
    """Attribute labels for a classifier: one int per entry of ATTRIBUTES, -1 where it has none."""
    return tuple(
        values.index(value) if value else -1
        for values, value in zip(ATTRIBUTES.values(), garment, strict=True)
    )


def draw(garment, rng, size=96):
    """One photograph. rng: numpy Generator of the nuisances -> PIL image, RGB, size x size."""
    canvas = Canvas(size, garment.colour, garment.pattern, rng)
    {**CLOTHES, **FOOTWEAR}[garment.kind](canvas, garment)
    return canvas.photograph(rng)
