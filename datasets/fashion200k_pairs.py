"""Fashion200k's training triplets, drawn each epoch: images whose captions differ in one word.

Source: paper section 4.1, after TIRG; published train_val_fashion200k.py. A caption without one of
its words is a stem; captions that share a stem are partners. Unlike the published index it takes
out whole words only (not the "red" of "embroidered"), and only words that occur once.
"""

import hashlib
from collections import Counter

import numpy as np

from datasets.records import Triplet


class PairIndex:
    """Which captions differ in one word; built once per training set (172,049 images: seconds).

    An edge is a caption and one word of it. Edges are sorted by (stem, word), so the partners of an
    edge are the block of edges with its stem, less the run in it with its own word.
    """

    def __init__(self, images):
        """images: list of LabelledImage. Blank captions have no partners."""
        caption_of_name, captions = {}, {}
        for image in images:  # an image listed twice keeps its first caption
            caption_of_name.setdefault(image.name, image.caption)
        self.names = list(caption_of_name)
        self.caption_of_image = np.array(
            [captions.setdefault(text, len(captions)) for text in caption_of_name.values()],
            np.int64,
        )
        stems, words = {}, {}
        rows = [
            (stems.setdefault(stem, len(stems)), words.setdefault(word, len(words)), caption)
            for text, caption in captions.items()
            for stem, word in one_word_less(text)
        ]
        table = np.array(rows, np.int64).reshape(-1, 3)
        stem, word, caption = table[np.lexsort(table.T[::-1])].T
        self.words, self.word, self.caption = list(words), word, caption
        self.block, self.block_end = _runs(stem)
        self.run, self.run_end = _runs(stem * max(len(words), 1) + word)
        partners = (self.block_end - self.block) - (self.run_end - self.run)
        usable = np.flatnonzero(partners > 0)
        # edges that have partners, grouped by caption; images grouped by caption
        self.edges = usable[np.argsort(caption[usable], kind="stable")]
        self.edge_start = np.searchsorted(caption[self.edges], np.arange(len(captions) + 1))
        self.images = np.argsort(self.caption_of_image, kind="stable")
        self.image_start = np.searchsorted(
            self.caption_of_image[self.images], np.arange(len(captions) + 1)
        )
        has_partner = np.diff(self.edge_start) > 0
        self.modifiable = np.flatnonzero(has_partner[self.caption_of_image])


def sample_triplets(index, seed, epoch):
    """One epoch, shuffled, the same for the same (seed, epoch) -> list[Triplet].

    Each image that has partners is the reference once; its word, the partner caption and an image
    with that caption are drawn evenly. A pair drawn before, in either direction, is left out.
    """
    random = np.random.default_rng([seed, epoch])
    reference = random.permutation(index.modifiable)
    caption = index.caption_of_image[reference]
    edge = index.edges[random.integers(index.edge_start[caption], index.edge_start[caption + 1])]
    own = index.run_end[edge] - index.run[edge]
    partner = random.integers(index.block[edge], index.block_end[edge] - own)
    partner = np.where(partner >= index.run[edge], partner + own, partner)
    caption = index.caption[partner]
    target = random.integers(index.image_start[caption], index.image_start[caption + 1])
    target = index.images[target]
    pair = np.minimum(reference, target) * len(index.names) + np.maximum(reference, target)
    kept = np.sort(np.unique(pair, return_index=True)[1])
    removed, added = index.word[edge[kept]], index.word[partner[kept]]
    return [
        Triplet(index.names[i], index.names[j], f"replace {index.words[a]} with {index.words[b]}")
        for i, j, a, b in zip(reference[kept], target[kept], removed, added, strict=True)
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


def _runs(values):
    """Start and end of the run of equal values each element of a sorted array is in."""
    return np.searchsorted(values, values), np.searchsorted(values, values, side="right")
