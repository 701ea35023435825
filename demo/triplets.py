"""Which garments the demo data show, and which of them are compared.

FashionIQ and Shoes: validation garments are all different and differ from every training garment;
each serves in one triplet only, as reference or as target. One, two or three attributes change.
Fashion200k: products with several shots, product captions that are in one split only.
"""

import itertools
from typing import NamedTuple

import numpy as np

from demo.captions import product_caption, relative_captions
from demo.footwear import FOOTWEAR
from demo.garments import VALUES, Garment, held_out

# Shares of one, two and three changed attributes. Few single changes: the images one change away
# are so few that the reference alone finds them; few triple ones: their caption alone does.
CLOTHES_CHANGES = {1: 0.15, 2: 0.55, 3: 0.30}
SHOE_CHANGES = {1: 0.25, 2: 0.60, 3: 0.15}
SHOE_KINDS = tuple(FOOTWEAR)
PRODUCT_KINDS = ("jacket", "pants", "skirt", "dress", "toptee")


class Pair(NamedTuple):
    """A triplet before it has file names; reference and target index the list of garments."""

    reference: int
    target: int
    captions: list


class Comparisons(NamedTuple):
    """One category: garments to draw, the first `train_images` of them for training."""

    garments: list[Garment]
    train_images: int
    train: list[Pair]
    val: list[Pair]


class Product(NamedTuple):
    """A Fashion200k product; its shots are pictures of one garment."""

    garment: Garment
    caption: str
    shots: int


def all_garments(kinds):
    """Every garment of these kinds, in a fixed order."""
    return [
        Garment(kind, **dict(zip(VALUES[kind], values, strict=True)))
        for kind in kinds
        for values in itertools.product(*VALUES[kind].values())
    ]


def _codes(garments):
    """Garments as columns of ints: equal values, equal ints. -> [attributes, N]"""
    rows = [np.unique(row, return_inverse=True)[1] for row in zip(*garments, strict=True)]
    return np.array(rows, np.uint8)


def _distances(codes, reference):
    """Number of attributes in which each differs from the reference. -> [N]"""
    return (codes != codes[:, [reference]]).sum(0, dtype=np.uint8)


def _partner(rng, codes, reference, allowed, changes):
    """An allowed garment one to three attributes away, or -1 if there is none."""
    wanted = rng.choice(list(changes), p=list(changes.values()))
    distance = _distances(codes, reference)
    near = np.flatnonzero(allowed & (distance == wanted))
    if not len(near):
        near = np.flatnonzero(allowed & (distance >= 1) & (distance <= max(changes)))
    return int(rng.choice(near)) if len(near) else -1


def _paired(rng, codes, free, count, changes):
    """`count` garments in the order reference, target, reference, target; takes them off `free`."""
    chosen = []
    while len(chosen) < count:
        reference = int(rng.choice(np.flatnonzero(free)))
        free[reference] = False
        target = _partner(rng, codes, reference, free, changes)
        if target >= 0:
            free[target] = False
            chosen += [reference, target]
    return chosen


def _described(rng, garments, pairs, captions):
    return [
        Pair(one, other, relative_captions(rng, garments[one], garments[other], captions))
        for one, other in pairs
    ]


def comparisons(rng, kinds, sizes, changes, captions=2):
    """Draws one category's garments and triplets. captions: relative captions per triplet.

    sizes: images and triplets of training, triplets of validation, its images in no triplet."""
    train_images, train_triplets, val_triplets, val_spare = sizes
    space = all_garments(kinds)
    codes, free = _codes(space), np.ones(len(space), bool)
    val = _paired(rng, codes, free, 2 * val_triplets, changes)
    spare = rng.choice(np.flatnonzero(free), val_spare, replace=False)
    free[spare] = False
    free &= [not held_out(garment) for garment in space]
    train = _paired(rng, codes, free, train_images, changes)[:train_images]
    garments = [space[i] for i in [*train, *val, *spare]]
    train_codes, everywhere = _codes(garments[:train_images]), np.ones(train_images, bool)
    pairs = []
    while len(pairs) < train_triplets:
        for reference in rng.permutation(train_images)[: train_triplets - len(pairs)]:
            target = _partner(rng, train_codes, reference, everywhere, changes)
            if target >= 0:
                pairs.append((int(reference), target))
    val_pairs = [(train_images + 2 * i, train_images + 2 * i + 1) for i in range(val_triplets)]
    described = [_described(rng, garments, each, captions) for each in (pairs, val_pairs)]
    return Comparisons(garments, train_images, *described)


def unused_comparisons(rng, drawn, kinds, count, changes, captions=2):
    """`count` triplets of garments that `drawn` shows nowhere, as Comparisons without training."""
    shown = set(drawn.garments)
    space = [garment for garment in all_garments(kinds) if garment not in shown]
    chosen = _paired(rng, _codes(space), np.ones(len(space), bool), 2 * count, changes)
    garments = [space[i] for i in chosen]
    pairs = [(2 * i, 2 * i + 1) for i in range(count)]
    return Comparisons(garments, 0, [], _described(rng, garments, pairs, captions))


def unused_products(rng, drawn, images, queries):
    """Test products and queries of captions that `drawn`, all products, has nowhere."""
    by_caption, shown = _product_space(), {product.caption for product in drawn}
    test = _products(rng, by_caption, [c for c in by_caption if c not in shown], images)
    return test, _one_word_queries(rng, test, queries)


def _product_space():
    """Garments by product caption; what the caption leaves out (necklines) varies."""
    by_caption = {}
    for garment in all_garments(PRODUCT_KINDS):
        if garment.sleeves != "none" and {garment.graphic, garment.trim} <= {"", "none"}:
            by_caption.setdefault(product_caption(garment), []).append(garment)
    return by_caption


def _products(rng, by_caption, captions, images):
    """Products with two to four shots, `images` pictures in all."""
    captions = captions[: max(2, images // 3)]
    captions = [captions[i] for i in rng.permutation(len(captions))]
    products, left = [], images
    for caption in itertools.cycle(captions):
        if not left:
            return products
        shots = int(rng.integers(2, 5))
        shots = left if left - shots < 2 else shots
        garment = by_caption[caption][rng.integers(len(by_caption[caption]))]
        products.append(Product(garment, caption, shots))
        left -= shots


def products(rng, train_images, test_images, queries):
    """-> (train products, test products, [(reference, target)] as indices of test pictures).

    A third of each kind's shapes ("long sleeve mini dress") is kept for testing, in all colours and
    patterns: a test image so has many neighbours one word away, not only the target.
    """
    by_caption = _product_space()
    captions = list(by_caption)
    test_shapes = set()
    for kind in PRODUCT_KINDS:
        shapes = sorted({c.split(" ", 2)[2] for c in captions if by_caption[c][0].kind == kind})
        test_shapes.update(rng.choice(shapes, len(shapes) // 3, replace=False))
    unseen = [c for c in captions if c.split(" ", 2)[2] in test_shapes]
    seen = [c for c in captions if c not in set(unseen) and not held_out(by_caption[c][0])]
    train = _products(rng, by_caption, seen, train_images)
    test = _products(rng, by_caption, unseen, test_images)
    return train, test, _one_word_queries(rng, test, queries)


def _one_word_queries(rng, test, count):
    shown = [product.caption for product in test for _ in range(product.shots)]
    words = [caption.split() for caption in shown]
    lengths = np.array([len(own) for own in words])
    filled = [own + [""] * (lengths.max() - len(own)) for own in words]
    codes = _codes(filled)
    found = []
    for reference in rng.permutation(np.tile(np.arange(len(shown)), 4)):
        if len(found) == count:
            break
        one_word = _distances(codes, reference) == 1
        targets = np.flatnonzero(one_word & (lengths == lengths[reference]))
        if len(targets):
            found.append((int(reference), int(targets[rng.integers(len(targets))])))
    return found
