"""One query at a time over blocks: the order of a float64 loop, whatever the features are."""

import numpy as np
import pytest

from evaluation import open_gallery as open_gallery_module
from evaluation.open_gallery import OpenGallery


def open_gallery(features, rows=7):
    blocks = [features[k : k + rows] for k in range(0, len(features), rows)]
    return OpenGallery(blocks, np.square(features, dtype=np.float64).sum(axis=1) / 2)


def loop(query, features, allowed):
    """Plain float64 loop -> columns, nearest first, ties by column."""
    query = query.astype(np.float64)
    distances = [np.sum((row.astype(np.float64) - query) ** 2) for row in features]
    return [k for k in np.argsort(distances, kind="stable") if allowed[k]]


def features_of(kind, rng):
    if kind == "collapsed":  # nearer to each other than float32 products can tell
        return (1 + 1e-6 * rng.standard_normal((60, 300))).astype(np.float32)
    features = rng.standard_normal((60, 300), np.float32)
    if kind == "copies":
        features[10:40] = features[3]
    return features * np.float32(1000 if kind == "large" else 1)


@pytest.mark.parametrize("kind", ["usual", "copies", "collapsed", "large"])
def test_the_order_is_that_of_a_float64_loop(kind):
    rng = np.random.default_rng(0)
    features = features_of(kind, rng)
    gallery = open_gallery(features)
    for _ in range(20):
        query = features[rng.integers(60)] + np.float32(1e-4) * rng.standard_normal(300, np.float32)
        allowed = rng.random(60) < 0.7
        for count in (1, 5, 200):
            columns, distances = gallery.nearest(query, count, allowed)
            order = columns[np.lexsort((columns, distances))][:count]
            assert order.tolist() == loop(query, features, allowed)[:count]


def test_no_score_is_off_by_more_than_its_error():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((500, 1000), np.float32)
    query = rng.standard_normal(1000, np.float32)
    scores, error = open_gallery(features, rows=100).scores(query)
    wide = features.astype(np.float64)
    exact = wide @ query.astype(np.float64) - np.square(wide).sum(axis=1) / 2
    assert 0 < np.abs(scores - exact).max() <= error


def test_nothing_allowed_and_nothing_there():
    features = np.ones((3, 4), np.float32)
    columns, distances = open_gallery(features).nearest(features[0], 2, np.zeros(3, bool))
    assert len(columns) == len(distances) == 0
    empty = OpenGallery([], np.empty(0))
    assert len(empty.nearest(features[0], 2, np.zeros(0, bool))[0]) == 0


def test_many_candidates_are_copied_in_parts(monkeypatch):
    monkeypatch.setattr(open_gallery_module, "ROWS", 16)
    features = features_of("copies", np.random.default_rng(0))
    gallery, copied = open_gallery(features), []
    vectors = gallery.vectors
    monkeypatch.setattr(gallery, "vectors", lambda some: copied.append(len(some)) or vectors(some))
    columns, distances = gallery.nearest(features[5], 50, np.ones(60, bool))
    assert max(copied) == 16 and sum(copied) == len(columns) >= 50
    exact = np.square(features[columns].astype(np.float64) - features[5]).sum(axis=1)
    assert np.array_equal(distances, exact)
