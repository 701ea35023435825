"""Exact ranks by squared L2: one matrix product a block, counting instead of sorting.

Pure functions on arrays. The distance of a query and a gallery image is, by definition,
np.sum((gallery - query) ** 2) in float64. A float32 product decides every image that lies further
from the nearest correct one than its rounding error can reach; the few others are compared by
the definition. So the ranks are those of a plain float64 loop, whatever the block size.
Protocol: the query's own reference image is removed, ties go by gallery order.
"""

from typing import NamedTuple

import numpy as np

BLOCK_SCORES = 1 << 25  # float32 scores held at once (128 MiB); bounds memory, changes no rank
PAIR_CHUNK = 64  # gallery rows compared in float64 at once: small enough for the cache
NEVER = np.iinfo(np.int64).max  # rank of a query without a correct image in its gallery
HALF_ULP = 2.0**-24  # relative rounding error of one float32 operation


class Ranking(NamedTuple):
    """Where each query's nearest correct image stands.

    ranks: int64 [Q], the number of images before it: 0 is best; NEVER if there is none.
    tied: bool [Q], a wrong image is exactly as near as the nearest correct one.
    """

    ranks: np.ndarray
    tied: np.ndarray


def distances(query, images):
    """Squared L2 in float64, the definition. query: [D], images: [n, D] -> [n]."""
    result = np.empty(len(images))
    query = query.astype(np.float64)
    for start in range(0, len(images), PAIR_CHUNK):
        difference = images[start : start + PAIR_CHUNK] - query
        np.multiply(difference, difference, out=difference)
        result[start : start + PAIR_CHUNK] = difference.sum(axis=1)
    return result


class Scorer:
    """q.g - |g|^2 / 2 in float32, larger is nearer, with a bound on its error.

    Both sides are shifted by the gallery's mean, which moves no distance: what all images share
    would only cost precision. |g|^2 / 2 rides along as two more columns of the product.
    """

    def __init__(self, queries, gallery):
        self.queries = queries
        self.mean = gallery.mean(axis=0, dtype=np.float64)
        largest = max(self._largest(queries), self._largest(gallery))
        # A power of two scales without rounding; float32 squares can then not overflow.
        self.scale = 2.0 ** -np.ceil(np.log2(largest)) if largest > 0 else 1.0
        self.dims = gallery.shape[1]
        self.gallery = self._shifted(gallery)  # [N, D + 2]
        half_norms = np.empty(len(gallery))
        for start in range(0, len(gallery), PAIR_CHUNK):
            rows = self.gallery[start : start + PAIR_CHUNK, : self.dims].astype(np.float64)
            half_norms[start : start + PAIR_CHUNK] = 0.5 * np.sum(rows * rows, axis=1)
        self.gallery[:, -2] = -half_norms
        self.gallery[:, -1] = -half_norms - self.gallery[:, -2]  # what float32 left out
        self.radius = np.sqrt(2 * half_norms.max())

    def _largest(self, rows):
        """The largest coordinate of the shifted rows."""
        return max(
            np.abs(rows[start : start + PAIR_CHUNK] - self.mean).max()
            for start in range(0, len(rows), PAIR_CHUNK)
        )

    def _shifted(self, rows):
        result = np.ones((len(rows), self.dims + 2), np.float32)
        for start in range(0, len(rows), PAIR_CHUNK):
            part = (rows[start : start + PAIR_CHUNK] - self.mean) * self.scale
            result[start : start + PAIR_CHUNK, : self.dims] = part
        return result

    def blocks(self, block_scores):
        """Yields (start, scores [b, N], norms [b], errors [b]) over the queries.

        A score differs from (|q|^2 - |q - g|^2) / 2, in shifted and scaled units, by at most its
        error: Higham's bound for a dot product in any order of summation, plus the rounding of
        the shifted coordinates. The scores are overwritten by the next block.
        """
        size = max(1, min(len(self.queries), block_scores // len(self.gallery)))
        buffer = np.empty((size, len(self.gallery)), np.float32)
        terms = (self.dims + 10) * HALF_ULP
        for start in range(0, len(self.queries), size):
            block = self._shifted(self.queries[start : start + size])
            scores = np.matmul(block, self.gallery.T, out=buffer[: len(block)])
            rows = block[:, : self.dims].astype(np.float64)
            norms = np.sqrt(np.sum(rows * rows, axis=1))
            errors = terms / (1 - terms) * (norms * self.radius + self.radius**2 / 2)
            errors += 4 * HALF_ULP * (norms + self.radius) ** 2 + terms * 2.0**-100
            yield start, scores, norms, errors


def rank_correct(queries, gallery, correct, references=None, block_scores=BLOCK_SCORES):
    """Ranks every query's nearest correct image.

    queries: float32 [Q, D]; gallery: float32 [N, D]; all finite.
    correct: scipy.sparse csr bool [Q, N]. references: int [Q], the column of the query's own
    reference image, which is taken out of its gallery; -1 or None: nothing is taken out.
    """
    if references is None:
        references = np.full(len(queries), -1)
    targets = [_nearest(queries, gallery, correct, references, i) for i in range(len(queries))]
    ranks = np.zeros(len(queries), np.int64)
    tied = np.zeros(len(queries), bool)
    copies = _first_copies(gallery)
    scorer = Scorer(queries, gallery)
    for start, scores, norms, errors in scorer.blocks(block_scores):
        for row in range(len(scores)):
            i = start + row
            column, threshold = targets[i]
            if column < 0:
                ranks[i] = NEVER
                continue
            scores[row, correct.indices[correct.indptr[i] : correct.indptr[i + 1]]] = -np.inf
            if references[i] >= 0:
                scores[row, references[i]] = -np.inf
            middle = (norms[row] ** 2 - threshold * scorer.scale**2) / 2
            low, high = np.float32(middle - errors[row]), np.float32(middle + errors[row])
            nearer, close = scores[row] > high, scores[row] >= low
            ranks[i] = np.count_nonzero(nearer)
            if np.count_nonzero(close) == ranks[i]:
                continue
            columns = np.flatnonzero(close & ~nearer)
            exact = _distances_once(queries[i], gallery, columns, copies)
            ties = exact == threshold
            tied[i] = ties.any()
            ranks[i] += np.count_nonzero((exact < threshold) | (ties & (columns < column)))
    return Ranking(ranks, tied)


def _nearest(queries, gallery, correct, references, i):
    """(column, distance) of query i's nearest correct image, (-1, inf) if it has none."""
    columns = correct.indices[correct.indptr[i] : correct.indptr[i + 1]]
    columns = np.sort(columns[columns != references[i]])
    if not len(columns):
        return -1, np.inf
    exact = distances(queries[i], gallery[columns])
    best = exact.argmin()  # the first of several
    return columns[best], exact[best]


def _first_copies(gallery):
    """[N]: for each row the first row with the same bytes. Keeps a collapsed gallery fast."""
    first = {}
    return np.array([first.setdefault(row.tobytes(), i) for i, row in enumerate(gallery)])


def _distances_once(query, gallery, columns, copies):
    if len(columns) <= PAIR_CHUNK:
        return distances(query, gallery[columns])
    rows, inverse = np.unique(copies[columns], return_inverse=True)
    return distances(query, gallery[rows])[inverse]


def recall_at_k(ranks, k):
    """Percentage of queries with a correct image among the k nearest. ranks: [Q], 0 is best."""
    return 100.0 * np.mean(np.asarray(ranks) < k)


def chance_recall(correct, references, k):
    """What a random order of the gallery would score, in percent; arguments as in rank_correct."""
    rows = np.repeat(np.arange(correct.shape[0]), np.diff(correct.indptr))
    own = correct.indices == references[rows]
    right = np.diff(correct.indptr) - np.bincount(rows[own], minlength=correct.shape[0])
    images = correct.shape[1] - (references >= 0)
    miss = np.ones(correct.shape[0])
    for drawn in range(k):
        miss *= np.clip((images - right - drawn) / np.maximum(images - drawn, 1), 0, 1)
    return 100.0 * np.mean(1 - miss)
