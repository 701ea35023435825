"""Scores of pairs, where a query is no vector among the images': ARTEMIS' two cosines
(nets/artemis.py).

PairwiseScorer takes the place of ranking.Scorer, so that ranks, ties and nearest images are found
by the same code: four matrix products a level and block give all scores, the few that are too near
to tell are compared by the definition, pair by pair, in float64.
"""

from functools import partial

import numpy as np

from evaluation.ranking import ROW_CHUNK, Scorer
from nets.compositions import PAIRWISE_EPSILON, PAIRWISE_VECTORS

ERROR = 2.0**-20  # of a float32 score of at most three levels, several times over


def scorer_for(level_sizes):
    """ranking.Scorer, or, given the levels' dimensions, one for queries of four vectors a level."""
    return partial(PairwiseScorer, level_sizes=level_sizes) if level_sizes else Scorer


class PairwiseScorer:
    """Scores are sums of the levels' two cosines; distances 4 a level less twice that.

    queries: float32 [Q, 4 D], level by level. gallery: float32 [N, D]."""

    def __init__(self, queries, gallery, level_sizes):
        self.queries, self.gallery = queries, gallery
        ends = np.cumsum(level_sizes)
        self.levels = [slice(end - size, end) for end, size in zip(ends, level_sizes, strict=True)]

    def _parts(self, queries):
        """Rows of queries -> (columns of the gallery, e, a^2, i, b^2 in float64) of each level."""
        queries = queries.astype(np.float64)
        for level in self.levels:
            own = queries[..., PAIRWISE_VECTORS * level.start : PAIRWISE_VECTORS * level.stop]
            yield level, *np.split(own, PAIRWISE_VECTORS, axis=-1)

    def blocks(self, block_scores):
        """Yields (first query, scores [b, N], errors [b]), as ranking.Scorer."""
        images = self.gallery.astype(np.float64).T  # [D, N]
        squares = images**2
        size = max(1, min(len(self.queries), block_scores // len(self.gallery)))
        for start in range(0, len(self.queries), size):
            block = self.queries[start : start + size]
            scores = np.zeros((len(block), len(self.gallery)))
            for level, *parts in self._parts(block):
                for direction, weights in zip(parts[::2], parts[1::2], strict=True):
                    norms = np.sqrt(np.maximum(weights @ squares[level], PAIRWISE_EPSILON))
                    scores += direction @ images[level] / norms
            yield start, scores.astype(np.float32), np.full(len(block), ERROR)

    def score(self, i, column):
        """The score of one pair in float64."""
        return 2 * len(self.levels) - self.distances(i, [column])[0] / 2

    def distances(self, i, columns):
        """The definition, pair by pair in float64, in the range of squared L2. -> [n]"""
        parts = list(self._parts(self.queries[i]))
        result = np.full(len(columns), 4.0 * len(self.levels))
        for start in range(0, len(columns), ROW_CHUNK):
            rows = slice(start, start + ROW_CHUNK)
            images = self.gallery[columns[rows]].astype(np.float64)
            for level, *vectors in parts:
                own = images[:, level]
                for direction, weights in zip(vectors[::2], vectors[1::2], strict=True):
                    squares = (own * own * weights).sum(axis=1)
                    norms = np.sqrt(np.maximum(squares, PAIRWISE_EPSILON))
                    result[rows] -= 2 * (own * direction).sum(axis=1) / norms
        return result
