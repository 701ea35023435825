"""Which part a product belongs to, so that products of tomorrow move nobody.

A hash of its group decides. Rows of a group and rows with equal bytes stay together: they take the
part that one of them had before, else the one of their first row in the table."""

import hashlib

import numpy as np

from command_line.errors import InputError
from datasets.products import PARTS, TRAINING, TUNING, VALIDATION
from datasets.tuning_split import connected, split_by_image

SHARES = (0.8, 0.9)  # of training; of training and tuning
NAMES = {**{part: part for part in PARTS}, "train": TRAINING, "val": VALIDATION}


def read_split(table):
    """The column `split`, where there is one: a part or None for each row."""
    parts = []
    for place, text in table.texts("split", "") if "split" in table.header else []:
        if text and text.lower() not in NAMES:
            raise InputError(f"{place}: {text!r} is none of {', '.join(NAMES)}")
        parts.append(NAMES.get(text.lower()))
    return parts or [None] * len(table.rows)


def assign_parts(groups, digests, given, before, triplets=()):
    """A part for each row. given, before: parts that override, parts there were; each or None.

    triplets: pairs of rows, where these alone are the data: divided so that no picture is in two
    parts, whatever was before."""
    together = connected([(("group", g), d) for g, d in zip(groups, digests, strict=True)])
    if triplets:
        part_of = _divide([[together[row] for row in pair] for pair in triplets])
        before = [part_of.get(number) for number in together]
    part_of = {}
    for row in sorted(range(len(groups)), key=lambda i: (given[i] is None, before[i] is None)):
        part_of.setdefault(together[row], given[row] or before[row] or _hashed(groups[row]))
    return [own or part_of[number] for own, number in zip(given, together, strict=True)]


def _divide(pairs):
    """{member of a pair: part}."""
    part_of = {}
    for part, share in ((VALIDATION, 1 - SHARES[1]), (TUNING, 1 - SHARES[0] / SHARES[1])):
        taken = split_by_image(pairs, share) if pairs else []
        own = [pair for pair, is_taken in zip(pairs, taken, strict=True) if is_taken]
        part_of.update((member, part) for pair in own for member in pair)
        pairs = [pair for pair, is_taken in zip(pairs, taken, strict=True) if not is_taken]
    return {**part_of, **{member: TRAINING for pair in pairs for member in pair}}


def _hashed(group):
    share = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    return PARTS[np.searchsorted(SHARES, share, side="right")]
