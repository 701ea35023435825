"""Fashion200k's training triplets, drawn each epoch: images whose captions differ in one word.

Source: paper section 4.1, after TIRG; published train_val_fashion200k.py. A caption without one of
its words is a stem; captions that share a stem are partners. Unlike the published index it takes
out whole words only (not the "red" of "embroidered"), and only words that occur once.
"""

import hashlib
from collections import Counter

import numpy as np

from datasets.records import Triplet


def sample_triplets(index, seed, epoch):
    """One epoch, shuffled, the same for the same (seed, epoch) -> list[Triplet].

    Each image that has partners is the reference once; its word, the partner caption and an image
    with that caption are drawn evenly. A pair drawn before, in either direction, is left out.
    """
    random = np.random.default_rng([seed, epoch])
    reference, target, removed, added = index.draw(random)
    pair = np.minimum(reference, target) * len(index.names) + np.maximum(reference, target)
    kept = np.sort(np.unique(pair, return_index=True)[1])
    rows = (row[kept] for row in (reference, target, removed, added))
    return [
        Triplet(index.names[i], index.names[j], f"replace {index.words[a]} with {index.words[b]}")
        for i, j, a, b in zip(*rows, strict=True)
    ]


def one_word_less(caption):
    """Every (stem, word): the caption without one word, for the words that occur once in it.

    A stem is a digest of its words: as text, the stems of a long caption would take the square of
    its letters."""
    words = caption.split()
    counts = Counter(words)
    stems = (" ".join(words[:i] + words[i + 1 :]).encode() for i in range(len(words)))
    return [
        (hashlib.blake2b(stem, digest_size=16).digest(), word)
        for stem, word in zip(stems, words, strict=True)
        if counts[word] == 1
    ]
