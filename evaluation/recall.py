"""Recall@K, its chance level and its intervals, from ranks. Pure functions on arrays."""

import numpy as np

RECALLS = (1, 5, 10, 50)
PUBLISHED_RECALLS = (1, 10, 50)
SUMMARY_RECALLS = (10, 50)
MEAN = "mean of R@10 and R@50"  # FashionIQ's score, over its categories


def recall_name(k):
    return f"R@{k}"


def recall_at_k(ranks, k):
    """Percentage of queries with a correct image among the k nearest. ranks: [Q], 0 is best."""
    return 100.0 * np.mean(np.asarray(ranks) < k)


def bootstrap_intervals(values, units, samples=1000, seed=0):
    """95 % intervals of the means over the queries, by bootstrap. values: [K, Q] -> [K, 2].

    units: [Q], which queries are drawn together. Two captions of one triplet are not independent;
    drawn one by one they would promise too narrow an interval.
    """
    units = np.unique(units, return_inverse=True)[1]
    sums = np.array([np.bincount(units, row) for row in [*values, np.ones(len(units))]])
    rng = np.random.default_rng(seed)
    means = np.empty((samples, len(values)))
    for sample in means:
        drawn = rng.integers(0, sums.shape[1], sums.shape[1])
        *totals, count = sums @ np.bincount(drawn, minlength=sums.shape[1])
        sample[:] = np.array(totals) / count
    return np.percentile(means, (2.5, 97.5), axis=0).T


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
