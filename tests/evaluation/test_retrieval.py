"""Ranks against a plain float64 loop, on features made to be awkward."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.ranking import NEVER, rank_correct
from evaluation.recall import Hits, bootstrap_intervals, chance_recall, recall_at_k


def plain_ranks(queries, gallery, correct, references):
    """The definition, one pair at a time."""
    ranks, tied = [], []
    for i in range(len(queries)):
        order = []
        for j in range(len(gallery)):
            if j != references[i]:
                difference = gallery[j].astype(np.float64) - queries[i].astype(np.float64)
                order.append((np.sum(difference * difference), j))
        order.sort()
        hits = [n for n, (_, j) in enumerate(order) if correct[i, j]]
        ranks.append(hits[0] if hits else NEVER)
        nearest = order[hits[0]][0] if hits else None
        tied.append(any(d == nearest and not correct[i, j] for d, j in order))
    return np.array(ranks), np.array(tied)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def make_features(kind, rng, queries=40, images=60, dims=24):
    gallery = unit(rng.standard_normal((images, dims)))
    if kind == "random":
        query = rng.standard_normal((queries, dims))
    elif kind == "copies":  # every image three times
        gallery = gallery[rng.integers(0, images // 3, images)]
        query = gallery[rng.integers(0, images, queries)] + 0.1 * rng.standard_normal((1, dims))
    elif kind == "one bit apart":  # differences below float32's resolution of the product
        gallery = np.repeat(gallery[:1], images, axis=0)
        gallery[np.arange(images), rng.integers(0, dims, images)] *= np.float32(1 + 2.0**-22)
        query = gallery[:1] + 0.5 * rng.standard_normal((queries, dims))
    elif kind == "nearly copies":
        gallery = gallery[rng.integers(0, images // 3, images)]
        gallery[np.arange(images), rng.integers(0, dims, images)] *= np.float32(1 + 2.0**-22)
        query = rng.standard_normal((queries, dims))
    elif kind == "collapsed":
        gallery = np.repeat(gallery[:1], images, axis=0)
        query = np.repeat(gallery[:1], queries, axis=0)
    elif kind == "whole numbers":
        gallery = rng.integers(-1, 2, (images, dims)).astype(np.float32)
        query = rng.integers(-1, 2, (queries, dims))
    elif kind == "far from the origin":
        gallery = (1000 + gallery).astype(np.float32)
        query = 1000 + rng.standard_normal((queries, dims))
    elif kind == "huge":
        gallery, query = gallery * np.float32(1e37), 1e37 * rng.standard_normal((queries, dims))
    elif kind == "tiny":
        gallery, query = gallery * np.float32(1e-38), 1e-38 * rng.standard_normal((queries, dims))
    elif kind == "one far image":
        gallery[7] *= np.float32(1e6)
        query = rng.standard_normal((queries, dims))
    return query.astype(np.float32), gallery


KINDS = (
    *("random", "copies", "one bit apart", "nearly copies", "collapsed", "whole numbers"),
    *("far from the origin", "huge", "tiny", "one far image"),
)


def make_truth(rng, queries, images, share=0.05):
    correct = rng.random((queries, images)) < share
    correct[0] = False  # nothing to find
    references = rng.integers(-1, images, queries)
    correct[1] = np.arange(images) == references[1]  # only the reference, which is taken out
    return correct, references


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_equal_a_plain_loop(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    queries, gallery = make_features(kind, rng)
    correct, references = make_truth(rng, len(queries), len(gallery))
    sparse = scipy.sparse.csr_array(correct)
    for removed in (references, np.full(len(queries), -1)):
        expected, tied = plain_ranks(queries, gallery, correct, removed)
        for block_scores in (1, 60 * 7, 1 << 25):
            ranking = rank_correct(queries, gallery, sparse, removed, block_scores)
            np.testing.assert_array_equal(ranking.ranks, expected)
            np.testing.assert_array_equal(ranking.tied, tied)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 40), st.integers(1, 300))
def test_ranks_equal_a_plain_loop_at_any_size(seed, queries, images, dims):
    rng = np.random.default_rng(seed)
    gallery = rng.integers(-2, 3, (images, dims)) * rng.choice([1, 0.1, 1e-3])
    query = gallery[rng.integers(0, images, queries)] + rng.choice([0, 1, 0.3])
    query, gallery = query.astype(np.float32), gallery.astype(np.float32)
    correct = rng.random((queries, images)) < rng.random()
    references = rng.integers(-1, images, queries)
    expected, tied = plain_ranks(query, gallery, correct, references)
    ranking = rank_correct(query, gallery, scipy.sparse.csr_array(correct), references)
    np.testing.assert_array_equal(ranking.ranks, expected)
    np.testing.assert_array_equal(ranking.tied, tied)


def test_ranks_by_hand():
    gallery = np.array([[0.0], [1.0], [2.0], [3.0], [-1.0]], np.float32)
    queries = np.array([[0.0], [0.0], [2.9]], np.float32)
    correct = scipy.sparse.csr_array(np.eye(5, dtype=bool)[[4, 3, 0]])
    ranking = rank_correct(queries, gallery, correct, np.array([-1, 1, 3]))
    # -1 ties with 1, which comes first; without 1: 0, -1, 2 before 3; without 3: 2, 1 before 0.
    assert ranking.ranks.tolist() == [2, 3, 2]
    assert ranking.tied.tolist() == [True, False, False]
    assert recall_at_k(ranking.ranks, 3) == pytest.approx(200 / 3)


def test_a_collapsed_network_scores_like_chance():
    gallery = np.ones((200, 8), np.float32)
    targets = np.random.default_rng(0).permutation(200)
    correct = scipy.sparse.csr_array(np.eye(200, dtype=bool)[targets])
    references = np.full(200, -1)
    ranking = rank_correct(gallery, gallery, correct, references)
    assert ranking.tied.all()
    assert recall_at_k(ranking.ranks, 10) == pytest.approx(chance_recall(correct, references, 10))


def test_chance_by_hand():
    correct = scipy.sparse.csr_array(np.array([[1, 1, 0, 0], [1, 0, 0, 0]], bool))
    # Two of four, drawn twice: 1 - (2/4 * 1/3). One of three (one taken out), drawn twice: 2/3.
    expected = 100 * (5 / 6 + 2 / 3) / 2
    assert chance_recall(correct, np.array([-1, 2]), 2) == pytest.approx(expected)
    # The only correct image is the reference itself: never.
    assert chance_recall(correct, np.array([1, 0]), 3) == pytest.approx(50)


@pytest.mark.parametrize("kind", KINDS)
def test_nearest_equals_a_full_sort(kind):
    queries, gallery = make_features(kind, np.random.default_rng(0), queries=12)
    references = np.arange(12) - 1
    correct = scipy.sparse.csr_array(np.eye(12, 60, dtype=bool))
    ranking = rank_correct(queries, gallery, correct, references, depth=7)
    np.testing.assert_array_equal(ranking.targets, np.arange(12))
    for i in range(len(queries)):
        exact = np.sum((gallery.astype(np.float64) - queries[i]) ** 2, axis=1)
        if references[i] >= 0:
            exact[references[i]] = np.inf
        expected = np.argsort(exact, kind="stable")[:7]
        np.testing.assert_array_equal(ranking.nearest[i], expected)
        np.testing.assert_array_equal(ranking.distances[i], exact[expected])


def test_bootstrap_interval_is_the_binomial_one():
    hits = (np.arange(2000) % 4 == 0).astype(float)  # 25 %; standard deviation of the mean 0.00968
    ((low, high),) = bootstrap_intervals(Hits([hits], np.arange(2000)))
    assert low == pytest.approx(0.25 - 1.96 * 0.00968, abs=0.002)
    assert high == pytest.approx(0.25 + 1.96 * 0.00968, abs=0.002)
    # Every query said four times is no more evidence.
    ((again, _),) = bootstrap_intervals(Hits([np.tile(hits, 4)], np.tile(np.arange(2000), 4)))
    assert again == pytest.approx(low, abs=0.002)
