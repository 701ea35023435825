"""Which part a product belongs to, so that products of tomorrow move nobody.

A hash of its group decides. Rows of a group and rows with equal bytes stay together: they take the
part that one of them had before, else the one of their first row in the table."""

import hashlib

import numpy as np

from command_line.errors import InputError
from datasets.products import PARTS, TRAINING, TUNING, VALIDATION
from datasets.tuning_split import join, split_by_image

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


def assign_parts(groups, digests, given, before, triplets):
    """A part for each row. given, before: parts that override, parts there were; each or None.

    triplets: pairs of rows, where these alone are the data: divided so that no picture is in two
    parts, whatever was before."""
    joined = join([(("group", g), d) for g, d in zip(groups, digests, strict=True)])
    together = [joined[digest] for digest in digests]
    if triplets:
        part_of = _divide([[together[row] for row in pair] for pair in triplets])
        before = [part_of.get(number) for number in together]
    part_of = {}
    for row in sorted(range(len(groups)), key=lambda i: (given[i] is None, before[i] is None)):
        part_of.setdefault(together[row], given[row] or before[row] or _hashed(groups[row]))
    return [own or part_of[number] for own, number in zip(given, together, strict=True)]


def _divide(pairs):
    """{member of a pair: part}."""
    part_of = dict.fromkeys((member for pair in pairs for member in pair), TRAINING)
    for part, share in ((VALIDATION, 1 - SHARES[1]), (TUNING, 1 - SHARES[0] / SHARES[1])):
        taken, _ = split_by_image(pairs, share)
        part_of.update(dict.fromkeys(taken, part))
        pairs = [pair for pair in pairs if pair[0] not in taken]
    return part_of


def _hashed(group):
    share = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    return PARTS[np.searchsorted(SHARES, share, side="right")]
