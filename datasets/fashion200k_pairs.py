"""Fashion200k's training triplets, drawn each epoch: images whose captions differ in one word.

Source: paper section 4.1, after TIRG; published train_val_fashion200k.py. A caption without one of
its words is a stem; captions that share a stem are partners. Unlike the published index it takes
out whole words only (not the "red" of "embroidered"), and only words that occur once.
"""

import numpy as np

from datasets.records import Triplet


def sample_triplets(index, seed, epoch):
    """One epoch, shuffled, the same for the same (seed, epoch) -> list[Triplet].

    index: PairIndex(images, one_word_less). A pair drawn before, in either direction, is left out.
    """
    reference, target, removed, added = index.draw(np.random.default_rng([seed, epoch]))
    pair = np.minimum(reference, target) * len(index.names) + np.maximum(reference, target)
    kept = np.sort(np.unique(pair, return_index=True)[1])
    rows = zip(reference[kept], target[kept], removed[kept], added[kept], strict=True)
    return [
        Triplet(index.names[i], index.names[j], f"replace {index.words[a]} with {index.words[b]}")
        for i, j, a, b in rows
    ]


def one_word_less(caption):
    """Every (stem, word): the caption without one word, for the words that occur once in it."""
    words = caption.split()
    return [
        (" ".join(words[:i] + words[i + 1 :]), word)
        for i, word in enumerate(words)
        if words.count(word) == 1
    ]
