"""Copies are folded as by a plain loop, some at a time."""

import numpy as np
import pytest

from catalogue import copies
from catalogue.copies import fold


def plain(vectors, bound, wanted):
    groups = []
    for place, vector in enumerate(vectors):
        for first, later in groups:
            if np.sum((vectors[first] - vector) ** 2) < bound:
                later.append(place)
                break
        else:
            groups.append((place, []))
    return groups[:wanted]


@pytest.mark.parametrize("wanted", [1, 7, 1000])
def test_copies_are_those_of_a_plain_loop(monkeypatch, wanted):
    monkeypatch.setattr(copies, "CHUNK", 8)
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((20, 6))
    vectors = (centres[rng.integers(0, 20, 150)] + 0.05 * rng.standard_normal((150, 6))) / 2
    vectors = vectors.astype(np.float32)
    asked = []

    def read(places):
        asked.append(len(places))
        return vectors[places]

    groups = fold(range(150), read, 0.01, wanted)
    assert groups == plain(vectors.astype(np.float64), 0.01, wanted)
    assert any(later for _, later in groups) and max(asked) == 8
    assert fold([], read, 0.01, wanted) == []


def test_folding_can_be_ended():
    def late():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        fold(range(3), lambda places: np.zeros((len(places), 2), np.float32), 0.01, 3, late)
