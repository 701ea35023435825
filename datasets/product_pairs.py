"""Products' training triplets, drawn each epoch: two products of which one attribute differs, both
having a value there, and a sentence of a phrase and the two values."""

import re
from pathlib import Path

import numpy as np

from command_line.errors import InputError
from datasets.records import Triplet
from datasets.released_files import read_lines

PHRASES = (
    "replace {old} with {new}",
    "{new} instead of {old}",
    "is {new}",
    "make it {new}",
    "not {old} but {new}",
    "the same, but {new}",
    "in {new}",
    "{new}",
)
BRACES = re.compile(r"\{(.*?)\}")


def read_phrases(path):
    """A phrase a line, each with {new}, some with {old} -> list of str."""
    phrases = []
    for number, line in enumerate(read_lines(path), 1):
        fields = BRACES.findall(line)
        if "new" not in fields:
            raise InputError(f"{path}:{number}: no {{new}} in this phrase")
        if not {"old", "new"}.issuperset(fields):
            raise InputError(f"{path}:{number}: only {{old}} and {{new}} can be filled in")
        phrases.append(line.strip())
    if not phrases:
        raise InputError(f"{Path(path)}:1: no phrase")
    return phrases


def sentence(phrase, old, new):
    """The phrase filled in; sentence(phrase, "", "") is what it adds to a vocabulary."""
    return BRACES.sub(lambda field: new if field[1] == "new" else old, phrase)


def one_value_less(values):
    """Every (stem, value) of a tuple of values: its column and the others; None has no partner."""
    return [
        ((column, *values[:column], *values[column + 1 :]), value)
        for column, value in enumerate(values)
        if value is not None
    ]


def sample_products(index, phrases, seed, epoch):
    """One epoch, shuffled, the same for the same (seed, epoch) -> list[Triplet].

    index: PairIndex(pairs of name and values, one_value_less). Each product that has partners is
    the reference once."""
    random = np.random.default_rng([seed, epoch])
    rows = index.draw(random)
    chosen = random.integers(len(phrases), size=len(index.modifiable))
    names, words = index.names, index.words
    return [
        Triplet(names[i], names[j], sentence(phrases[k], words[a], words[b]))
        for i, j, a, b, k in zip(*rows, chosen, strict=True)
    ]


def count_partners(rows):
    """rows: tuples of values -> per column, products that have a partner by it."""
    values_of = {}
    for values in set(rows):
        for stem, value in one_value_less(values):
            values_of.setdefault(stem, set()).add(value)
    counts = [0] * len(rows[0])
    for values in rows:
        for stem, _ in one_value_less(values):
            counts[stem[0]] += len(values_of[stem]) > 1
    return counts
