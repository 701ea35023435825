"""Recall@K, its chance level and its intervals, from ranks. Pure functions on arrays."""

from typing import NamedTuple

import numpy as np

AT_ONCE = 1 << 16  # numbers drawn at once: they stay in the cache
RECALLS = (1, 5, 10, 50)
PUBLISHED_RECALLS = (1, 10, 50)
SUMMARY_RECALLS = (10, 50)
MEAN = "mean of R@10 and R@50"  # FashionIQ's score, over its categories


def recall_name(k):
    return f"R@{k}"


def recall_at_k(ranks, k):
    """Percentage of queries with a correct image among the k nearest. ranks: [Q], 0 is best."""
    return 100.0 * np.mean(np.asarray(ranks) < k)


class Hits(NamedTuple):
    """Numbers of the queries of one category, or of all."""

    values: np.ndarray  # [S, Q], S numbers a query: of each seed, or of each K
    units: np.ndarray  # [Q], which queries are drawn together: those of one triplet


def bootstrap_intervals(hits):
    """95 % intervals of the means over the queries, by bootstrap -> [S, 2].

    Two captions of one triplet are not independent; drawn one by one they would promise too narrow
    an interval."""
    return np.percentile(draw_triplets([hits], 1000), (2.5, 97.5), axis=0).T


def draw_triplets(parts, samples):
    """Means over triplets drawn with replacement within each part, then over the parts
    -> [samples, S]."""
    rng, drawn = np.random.default_rng(0), 0
    for part in parts:
        units = np.unique(part.units, return_inverse=True)[1]
        sums = np.array([np.bincount(units, row) for row in [*part.values, np.ones(len(units))]])
        size = max(1, AT_ONCE // sums.shape[1])
        chunks = [min(size, samples - start) for start in range(0, samples, size)]
        totals = np.concatenate([draw_counts(rng, sums.shape[1], n) @ sums.T for n in chunks])
        drawn = drawn + totals[:, :-1] / totals[:, -1:]
    return drawn / len(parts)


def draw_counts(rng, units, samples):
    """How often each unit is in a sample of as many, drawn with replacement -> [samples, units]."""
    places = rng.integers(0, units, (samples, units)) + units * np.arange(samples)[:, None]
    counts = np.bincount(places.ravel(), minlength=samples * units)
    return counts.reshape(samples, units).astype(np.float64)


def chance_recall(correct, references, k):
    """Recall of a random order of the gallery, in percent; arguments as in rank_correct."""
    rows = np.repeat(np.arange(correct.shape[0]), np.diff(correct.indptr))
    own = correct.indices == references[rows]
    right = np.diff(correct.indptr) - np.bincount(rows[own], minlength=correct.shape[0])
    images = correct.shape[1] - (references >= 0)
    miss = np.ones(correct.shape[0])
    for drawn in range(k):
        miss *= np.clip((images - right - drawn) / np.maximum(images - drawn, 1), 0, 1)
    return 100.0 * np.mean(1 - miss)
