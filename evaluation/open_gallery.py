"""The nearest images of one query at a time, over features that stay where they are.

As ranking.py, whose definition, bound and candidates these are: a float32 score orders the images,
and what it can't tell apart is computed in float64. There many queries pay for a shifted copy of
the gallery; here each feature is read once, from memory or a mapped file, so a query costs what
reading costs, and nothing beside the features is held but two numbers an image.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from evaluation.ranking import HALF_ULP, candidates, distances

# Elements of one product. OpenBLAS gives larger ones to threads of its own, which on busy cores
# wait for each other: measured, a search took 50 times as long.
PRODUCT = 1 << 18
ROWS = 1024  # features copied at once to be compared in float64


class OpenGallery:
    """blocks: arrays float32 [n_i, D], N rows in all, finite. half_squares: float64 [N], |g|^2 / 2.

    May be asked by several threads at once: each waits for its turn at the memory."""

    def __init__(self, blocks, half_squares):
        self.blocks = blocks
        self.starts = np.cumsum([0, *map(len, blocks)])
        self.constants = half_squares.astype(np.float32)
        self.radius = np.sqrt(2 * half_squares.max(initial=0))
        self._threads = ThreadPoolExecutor(os.cpu_count())

    def scores(self, query):
        """query: float32 [D] -> scores float32 [N], larger is nearer, and what none is off by."""
        scores = np.empty(len(self.constants), np.float32)
        rows = max(1, PRODUCT // len(query))

        def score(block, first):
            for start in range(0, len(block), rows):
                part = block[start : start + rows]
                np.dot(part, query, out=scores[first + start : first + start + len(part)])

        list(self._threads.map(score, self.blocks, self.starts))
        scores -= self.constants
        norm = 1.001 * np.sqrt(np.square(query, dtype=np.float64).sum())
        # Higham's bound of a dot product in any order, the rounding of the constant and of the
        # difference: see ranking.Scorer.
        terms = len(query) + 10
        return scores, 1.01 * terms * HALF_ULP * (norm + self.radius) * self.radius + 2.0**-100

    def nearest(self, query, count, allowed):
        """Columns among which the `count` nearest allowed ones are, and their squared L2.

        allowed: bool [N]. Distances are float64, by the definition; more than `count` columns come
        back, in their order, where the scores can't tell."""
        scores, error = self.scores(query)
        scores[~allowed] = -np.inf
        count = min(count, np.count_nonzero(allowed))
        if count == 0:
            return np.empty(0, np.int64), np.empty(0)
        columns = candidates(scores, error, count)
        exact = np.empty(len(columns))
        for start in range(0, len(columns), ROWS):
            part = slice(start, start + ROWS)
            exact[part] = distances(query, self.vectors(columns[part]))
        return columns, exact

    def vectors(self, columns):
        """-> float32 [n, D]"""
        places = np.searchsorted(self.starts, columns, side="right") - 1
        pairs = zip(places, columns, strict=True)
        rows = [self.blocks[place][column - self.starts[place]] for place, column in pairs]
        return np.stack(rows) if rows else np.empty((0, 0), np.float32)
