"""Exact ranks by squared L2: one matrix product a block, counting instead of sorting.

What is computed. For each query, how many gallery images stand before its nearest correct one. The
distance of a query q and an image g is, by definition, np.sum((g - q) ** 2) in float64; the query's
own reference image is taken out, ties go by gallery order. The ranks are those of a plain float64
loop over all pairs, whatever the block size.

How. |q - g|^2 = |q|^2 - 2 (q.g - |g|^2 / 2), so for one query the images are ordered by the score
q.g - |g|^2 / 2, larger is nearer: a matrix product and a constant an image. A rank needs no
sorting, only a count of the scores above that of the nearest correct image.

Why that is exact. The product is float32, so a score may be off. A dot product of n terms, summed
in any order, is off by at most about n u |x| |y| (Higham, Accuracy and Stability, section 3.1; u =
2^-24). Three things keep this small: the gallery's mean is taken out of the images first, since
what all share costs precision and orders nothing; at most TERMS dimensions are summed by one
product, the sums of these slices being added (n is TERMS plus the number of slices, not all
dimensions); and the constant rides along as two columns, its float32 value and what that left
out. Added to the bound is the rounding of the shifted images to float32, four times over for slack.
Scaling by a power of two rounds nothing and keeps squares from overflowing.

So every query has an error that none of its scores exceeds. The nearest correct image is scored in
float64; images further from it than the error are decided by the count, the few within it are
compared by the definition. Features that have collapsed to copies would put all images there: then
each distinct image is computed once.

Memory is the shifted gallery, one block of scores and bool rows; a product uses all cores by
itself, the counting runs in threads over a block's rows. Pure functions on arrays.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.sparse
from scipy.linalg.blas import sgemm

BLOCK_SCORES = 1 << 25  # float32 scores held at once (128 MiB); bounds memory, changes no rank
ROW_CHUNK = 64  # feature rows handled in float64 at once: they stay in the cache
TERMS = 256  # dimensions summed by one product: few terms have a small rounding error
NEVER = np.iinfo(np.int64).max  # rank of a query without a correct image in its gallery
HALF_ULP = 2.0**-24  # relative rounding error of one float32 operation


class Ranking(NamedTuple):
    """Where each query's nearest correct image stands, and what the nearest images are."""

    ranks: np.ndarray  # int64 [Q], images before it: 0 is best; NEVER if there is none
    tied: np.ndarray  # bool [Q], a wrong image is exactly as near
    targets: np.ndarray  # int64 [Q], its column; -1 if there is none
    nearest: np.ndarray  # int64 [Q, K], columns of the nearest images, ties by gallery order
    distances: np.ndarray  # float64 [Q, K], their squared L2


def each_chunk(function, count):
    """[function(rows)] over slices of at most ROW_CHUNK of `count` rows, in order, by threads."""
    slices = [slice(k, min(k + ROW_CHUNK, count)) for k in range(0, count, ROW_CHUNK)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, slices))


class Scorer:
    """Scores in float32, larger is nearer: q.g' - c with g' = g - mean, c = |g'|^2 / 2 + mean.g'.

    Without rounding that is (|q - mean|^2 - |q - g|^2) / 2. c is two columns of the product."""

    def __init__(self, queries, gallery):
        self.queries, self.gallery = queries, gallery
        largest = max(
            max(each_chunk(lambda rows, side=side: np.abs(side[rows]).max(), len(side)))
            for side in (queries, gallery)
        )
        self.scale = np.float32(2.0 ** -np.clip(np.ceil(np.log2(float(largest) or 1.0)), -120, 120))
        dims = gallery.shape[1]
        self.slices = [slice(k, min(k + TERMS, dims)) for k in range(0, dims, TERMS)]
        widths = [columns.stop - columns.start for columns in self.slices]
        widths[-1] += 2
        self.parts = [np.empty((len(gallery), width), np.float32) for width in widths]
        sums = each_chunk(lambda rows: gallery[rows].sum(axis=0, dtype=np.float64), len(gallery))
        self.mean = np.sum(sums, axis=0) / len(gallery) * self.scale
        self.mean_norm = np.linalg.norm(self.mean)
        self.constants = np.empty(len(gallery))
        self.radius = np.sqrt(max(each_chunk(self._shift, len(gallery))))
        self.parts[-1][:, -2] = self.constants
        self.parts[-1][:, -1] = self.constants - self.parts[-1][:, -2]  # what float32 left out

    def _shift(self, rows):
        """Fills these rows of the parts and constants; returns their largest |g'|^2."""
        shifted = self.gallery[rows] * self.scale - self.mean
        squares = np.einsum("nd,nd->n", shifted, shifted)
        self.constants[rows] = -squares / 2 - shifted @ self.mean
        for columns, part in zip(self.slices, self.parts, strict=True):
            part[rows, : columns.stop - columns.start] = shifted[:, columns]
        return squares.max()

    def blocks(self, block_scores):
        """Yields (first query, scores [b, N], errors [b]); the next block overwrites the scores.
        No score is off by more than its error."""
        size = max(1, min(len(self.queries), block_scores // len(self.gallery)))
        buffer = np.empty((size, len(self.gallery)), np.float32)
        relative = 1.01 * (min(TERMS, self.queries.shape[1]) + len(self.parts) + 10) * HALF_ULP
        for start in range(0, len(self.queries), size):
            block = self.queries[start : start + size]
            scores, squares = buffer[: len(block)], np.zeros(len(block))
            for columns, part in zip(self.slices, self.parts, strict=True):
                rows = np.ones((len(block), part.shape[1]), np.float32)
                scaled = rows[:, : columns.stop - columns.start]
                np.multiply(block[:, columns], self.scale, out=scaled)
                squares += np.einsum("qd,qd->q", scaled, scaled)
                beta = float(columns.start > 0)  # adds to the parts before
                options = {"beta": beta, "c": scores.T, "trans_a": 1, "overwrite_c": 1}
                scores = sgemm(1.0, part.T, rows.T, **options).T
            norms = 1.001 * np.sqrt(squares) + self.mean_norm
            errors = relative * (norms + self.radius / 2) + 4 * HALF_ULP * (norms + self.radius)
            yield start, scores, errors * self.radius + 2.0**-100

    def score(self, i, column):
        """The score of one pair, but in float64."""
        shifted = self.gallery[column] * np.float64(self.scale) - self.mean
        return shifted @ (self.queries[i] * np.float64(self.scale)) + self.constants[column]

    def distances(self, i, columns):
        """Squared L2 of query i and gallery images, by the definition; of copies only once."""
        if len(columns) <= ROW_CHUNK:
            return distances(self.queries[i], self.gallery[columns])
        first = self.copies[columns]
        needed = np.zeros(len(self.gallery), bool)
        needed[first] = True
        exact = np.empty(len(self.gallery))
        exact[needed] = distances(self.queries[i], self.gallery[needed])
        return exact[first]

    @cached_property
    def copies(self):
        """[N]: for each image the first with the same bytes; keeps collapsed features fast."""
        first = {}
        return np.array([first.setdefault(row.tobytes(), i) for i, row in enumerate(self.gallery)])


def distances(query, images):
    """Squared L2 in float64, the definition. query: [D], images: [n, D] -> [n]."""
    result = np.empty(len(images))
    query = query.astype(np.float64)
    for start in range(0, len(images), ROW_CHUNK):
        difference = images[start : start + ROW_CHUNK] - query
        np.multiply(difference, difference, out=difference)
        result[start : start + ROW_CHUNK] = difference.sum(axis=1)
    return result


def for_each_query(scorer, references, function, block_scores):
    """Calls function(i, scores [N], error, scratch bool [2, N]) for every query, its own reference
    at -inf."""
    for start, scores, errors in scorer.blocks(block_scores):

        def call(rows, start=start, scores=scores, errors=errors):
            scratch = np.empty((2, scores.shape[1]), bool)
            for row in range(rows.start, rows.stop):
                if references[start + row] >= 0:
                    scores[row, references[start + row]] = -np.inf
                function(start + row, scores[row], errors[row], scratch)

        each_chunk(call, len(scores))


def rank_correct(
    queries, gallery, correct, references, block_scores=BLOCK_SCORES, scorer=Scorer, depth=0
):
    """Ranks every query's nearest correct image, and lists the nearest images -> Ranking.

    queries: float32 [Q, D]; gallery: float32 [N, D]; all finite.
    correct: scipy.sparse bool [Q, N]. references: int [Q], the column of the query's own
    reference image, which is taken out of its gallery; -1: nothing is taken out.
    scorer: what compares the two, see pairwise_scorer.scorer_for.
    depth: how many images are listed; fewer where a gallery has no more.
    """
    correct = scipy.sparse.csr_array(correct, copy=True)
    correct.eliminate_zeros()
    correct.sort_indices()
    shape = len(queries), min(depth, len(gallery) - bool((references >= 0).any()))
    columns, distances = np.empty(shape, np.int64), np.empty(shape)
    ranks, targets = np.full(len(queries), NEVER), np.full(len(queries), -1)
    tied = np.zeros(len(queries), bool)
    scorer = scorer(queries, gallery)

    def rank(i, scores, error, scratch):
        if columns.size:
            near = candidates(scores, error, shape[1])
            exact = scorer.distances(i, near)
            order = np.lexsort((near, exact))[: shape[1]]
            columns[i], distances[i] = near[order], exact[order]
        right = correct.indices[correct.indptr[i] : correct.indptr[i + 1]]
        right = right[right != references[i]]
        if len(right):
            found = _rank_nearest(scorer, i, scores, right, error, scratch)
            targets[i], ranks[i], tied[i] = found

    for_each_query(scorer, references, rank, block_scores)
    return Ranking(ranks, tied, targets, columns, distances)


def _rank_nearest(scorer, i, scores, right, error, scratch):
    """(column of query i's nearest correct image, images before it, whether a wrong one ties).
    right: columns of its correct images, ascending."""
    column = right[0]
    if len(right) > 1:
        near = right[scores[right] >= scores[right].max() - 2 * error]
        column = near[scorer.distances(i, near).argmin()] if len(near) > 1 else near[0]
    score = scorer.score(i, column)
    low, high = np.float32(score - error), np.float32(score + error)
    scores[right] = -np.inf  # none of them comes before the nearest
    nearer = np.greater(scores, high, out=scratch[0])
    close = np.greater_equal(scores, low, out=scratch[1])
    before = np.count_nonzero(nearer)
    if np.count_nonzero(close) == before:
        return column, before, False
    columns = np.flatnonzero(close ^ nearer)
    threshold = scorer.distances(i, [column])[0]
    exact = scorer.distances(i, columns)
    ties = exact == threshold
    before += np.count_nonzero((exact < threshold) | (ties & (columns < column)))
    return column, before, ties.any()


def candidates(scores, error, k):
    """Columns among which the k nearest are, ascending; scores off by at most error."""
    last = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= np.float32(last - 2 * error))
