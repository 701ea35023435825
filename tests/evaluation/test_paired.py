"""Intervals of paired differences: by hand, and how often they cover on features made for it."""

import numpy as np
import pytest

from evaluation.paired import paired_difference, seed_means
from evaluation.recall import Hits

TRIPLETS, CAPTIONS, IMAGES, DIMS, SEEDS = 100, 2, 40, 8, 3
UNITS = np.repeat(np.arange(TRIPLETS), CAPTIONS)
GALLERY = np.random.default_rng(0).standard_normal((IMAGES, DIMS))
BETTER, WORSE = 0.8, 1.0  # a system's typical blur


def trained(rng, systems, seeds=SEEDS):
    """Hits at 5 in percent of each (system, seed) on new triplets -> [systems, seeds, Q].

    A query is its target blurred by what the triplet itself adds and by what the weights add, whose
    size differs from seed to seed: both levels of the bootstrap have something to find."""
    targets = rng.integers(0, IMAGES, TRIPLETS)[UNITS]
    own = GALLERY[targets] + 0.6 * rng.standard_normal((TRIPLETS, DIMS))[UNITS]
    blurs = np.array(systems)[:, None] * np.exp(0.08 * rng.standard_normal((len(systems), seeds)))
    noise = rng.standard_normal((*blurs.shape, len(targets), DIMS))
    queries = own + blurs[..., None, None] * noise
    scores = queries @ GALLERY.T - np.sum(GALLERY**2, axis=1) / 2  # [systems, seeds, Q, N]
    ranks = (scores > np.take_along_axis(scores, targets[None, None, :, None], 3)).sum(axis=-1)
    return 100.0 * (ranks < 5)


def test_intervals_cover_the_known_difference_and_equal_systems_stay_equal():
    rng = np.random.default_rng(1)
    means = [trained(rng, [BETTER, WORSE], seeds=60).mean(axis=(1, 2)) for _ in range(100)]
    known = np.subtract(*np.mean(means, axis=0))
    assert 5 < known < 20
    covered = called_different = 0
    for simulation in range(400):
        rng = np.random.default_rng([2, simulation])
        a, b, equal = (Hits(hits, UNITS) for hits in trained(rng, [BETTER, WORSE, WORSE]))
        difference = paired_difference([a], [b], samples=400)
        covered += difference.low <= known <= difference.high
        difference = paired_difference([equal], [b], samples=400)
        called_different += not difference.low <= 0 <= difference.high
    assert 0.92 <= covered / 400 <= 0.98
    assert called_different / 400 <= 0.07


def test_parts_count_equally_and_the_difference_is_the_mean_of_the_seeds():
    few = Hits(np.array([[100.0, 0], [100, 100]]), np.arange(2))
    many = Hits(np.zeros((2, 8)), np.arange(8))
    nothing = [Hits(np.zeros_like(part.values), part.units) for part in (few, many)]
    assert seed_means([few, many]).tolist() == [25, 50]
    difference = paired_difference([few, many], nothing)
    assert difference.mean == 37.5
    assert difference.low < 37.5 < difference.high
    assert difference.smallest_shown == (difference.high - difference.low) / 2


def test_captions_of_a_triplet_are_drawn_together():
    """Twice the same captions say nothing new: the interval stays as wide."""
    rng = np.random.default_rng(0)
    hits = 100.0 * (rng.random((1, 200)) < 0.3)
    once, twice = (Hits(hits, np.arange(200)), Hits(np.repeat(hits, 2, 1), np.arange(400) // 2))
    apart = Hits(np.repeat(hits, 2, 1), np.arange(400))
    width = [
        paired_difference([p], [Hits(np.zeros_like(p.values), p.units)]).smallest_shown
        for p in (once, twice, apart)
    ]
    assert width[1] == pytest.approx(width[0], rel=0.05)
    assert width[2] == pytest.approx(width[0] / np.sqrt(2), rel=0.05)


def test_what_differs_only_by_seed_widens_the_interval():
    rng = np.random.default_rng(0)
    hits = 100.0 * (rng.random((1, 300)) < 0.5) + np.zeros((3, 1))
    zero = [Hits(np.zeros_like(hits), np.arange(300))]
    steady = paired_difference([Hits(hits, np.arange(300))], zero)
    by_seed = paired_difference([Hits(hits + [[-9], [0], [9]], np.arange(300))], zero)
    assert by_seed.smallest_shown > 2 * steady.smallest_shown


def test_few_disagreements_leave_a_finite_interval():
    """One triplet in which the seeds disagree: what drawing it changes is taken off once."""
    for signs in ([1, 1, -1], [1, -1, 0]):
        hits = np.zeros((3, 200))
        hits[:, 7] = 100.0 * np.array(signs)
        difference = paired_difference(
            [Hits(hits, np.arange(200))], [Hits(np.zeros_like(hits), np.arange(200))]
        )
        assert difference.smallest_shown < 5


def test_other_queries_are_refused():
    a, b = (Hits(np.zeros((2, 4)), np.arange(4)), Hits(np.zeros((2, 4)), np.arange(4)[::-1]))
    with pytest.raises(ValueError, match="not the same"):
        paired_difference([a], [b])
