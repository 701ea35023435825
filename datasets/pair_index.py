"""Which images differ in one word of their captions (Fashion200k) or one value (products)."""

import numpy as np


class PairIndex:
    """Built once per training set (172,049 images: seconds).

    What is said of an image is its caption or its tuple of values. An edge is that and one word or
    value of it; what is left without it is the stem, and what shares a stem is partners. Edges are
    sorted by (stem, word), so the partners of an edge are the block of edges with its stem, less
    the run in it with its own word.
    """

    def __init__(self, images, one_less):
        """images: records of name and what is said; one_less: that -> list of (stem, word)."""
        caption_of_name, captions = {}, {}
        for name, caption, *_ in images:  # an image listed twice keeps its first caption
            caption_of_name.setdefault(name, caption)
        self.names = list(caption_of_name)
        self.caption_of_image = np.array(
            [captions.setdefault(text, len(captions)) for text in caption_of_name.values()],
            np.int64,
        )
        stems, words = {}, {}
        rows = [
            (stems.setdefault(stem, len(stems)), words.setdefault(word, len(words)), caption)
            for text, caption in captions.items()
            for stem, word in one_less(text)
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

    def draw(self, random):
        """Each image with partners as the reference once, shuffled -> references and targets (rows
        of names), what is removed and added (rows of words), all [modifiable].

        The word, or the column of the value, is drawn evenly among those that have partners, then
        a partner's caption or values, then an image that has them."""
        reference = random.permutation(self.modifiable)
        caption = self.caption_of_image[reference]
        edge = random.integers(self.edge_start[caption], self.edge_start[caption + 1])
        edge = self.edges[edge]
        own = self.run_end[edge] - self.run[edge]
        partner = random.integers(self.block[edge], self.block_end[edge] - own)
        partner = np.where(partner >= self.run[edge], partner + own, partner)
        caption = self.caption[partner]
        target = random.integers(self.image_start[caption], self.image_start[caption + 1])
        return reference, self.images[target], self.word[edge], self.word[partner]


def _runs(values):
    """Start and end of the run of equal values each element of a sorted array is in."""
    return np.searchsorted(values, values), np.searchsorted(values, values, side="right")
