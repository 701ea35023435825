"""ARTEMIS' ranks against a plain float64 loop over its two cosines."""

import numpy as np
import pytest
import scipy.sparse

from evaluation.pairwise_scorer import scorer_for
from evaluation.ranking import NEVER, Scorer, rank_correct
from nets.artemis import similarities

SIZES = (4, 6)
Q, N = 12, 30


def make_features(rng):
    """Queries [Q, 4 D] and gallery [N, D] of two levels; a third of the images are copies."""
    queries = np.concatenate(
        [
            np.concatenate([e, a * a, i, b * b], axis=1)
            for size in SIZES
            for e, a, i, b in [rng.standard_normal((4, Q, size))]
        ],
        axis=1,
    ).astype(np.float32)
    gallery = rng.standard_normal((N, sum(SIZES))).astype(np.float32)
    gallery[2 * N // 3 :] = gallery[: N // 3]
    return queries, gallery


def plain_distances(query, image):
    total = 4.0 * len(SIZES)
    at = 0
    for size in SIZES:
        e, a2, i, b2 = query[4 * at : 4 * (at + size)].reshape(4, size).astype(float)
        t = image[at : at + size].astype(float)
        for direction, weights in ((e, a2), (i, b2)):
            total -= 2 * np.sum(direction * t) / np.sqrt(np.sum(weights * t * t))
        at += size
    return total


@pytest.mark.parametrize("block_scores", [N, 5 * N, 1000 * N])
def test_ranks_ties_and_nearest_are_those_of_a_plain_loop(block_scores):
    rng = np.random.default_rng(0)
    queries, gallery = make_features(rng)
    distances = np.array([[plain_distances(q, g) for g in gallery] for q in queries])
    correct = scipy.sparse.csr_array(rng.random((Q, N)) < 0.1)
    references = rng.integers(-1, N, Q)
    how = block_scores, scorer_for(SIZES), 5
    ranking = rank_correct(queries, gallery, correct, references, *how)
    for i in range(Q):
        order = sorted((d, j) for j, d in enumerate(distances[i]) if j != references[i])
        hits = [n for n, (_, j) in enumerate(order) if correct[i, j]]
        assert ranking.ranks[i] == (hits[0] if hits else NEVER)
        at = order[hits[0]][0] if hits else None
        assert ranking.tied[i] == any(d == at and not correct[i, j] for d, j in order)
        assert ranking.nearest[i].tolist() == [j for _, j in order[:5]]
        np.testing.assert_allclose(ranking.distances[i], [d for d, _ in order[:5]], rtol=1e-12)


def test_the_definition_is_what_training_compares():
    """One level: 2 - 2 x the model's similarity, the mean of both cosines."""
    rng = np.random.default_rng(1)
    queries, gallery = rng.random((3, 16), np.float32), rng.standard_normal((5, 4), np.float32)
    scorer = scorer_for([4])(queries, gallery)
    ours = np.stack([scorer.distances(i, np.arange(5)) for i in range(3)])
    np.testing.assert_allclose(ours, 4 - 4 * np.asarray(similarities(queries, gallery)), atol=1e-5)


def test_other_compositions_keep_their_scorer():
    assert scorer_for(None) is Scorer
