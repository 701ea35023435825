"""Two methods on the same queries with the same seeds: their difference and its 95 % interval.

The seeds and the triplets are both samples: other seeds would train other weights, other triplets
would ask other questions. Every seed is asked the same triplets. So two levels:

- Triplets are drawn with replacement within each part (FashionIQ's categories count equally), the
  same draw for all seeds; the captions of one triplet stay together.
- Seeds are too few to be drawn: three have ten different samples, a third too little spread and no
  tails. Their own variance is added, less what the first level already holds of it, and the
  interval is Student's t with the degrees of freedom that both levels leave (Satterthwaite 1946).

With one seed there is only the first level: the interval then speaks of these weights alone.
tests/evaluation/test_paired.py measures how often the interval covers. Pure functions on arrays.
"""

from typing import NamedTuple

import numpy as np
import scipy.stats

from evaluation.recall import Hits, draw_triplets


class Difference(NamedTuple):
    """In the units of the hits."""

    mean: float
    low: float
    high: float

    @property
    def smallest_shown(self):
        """A smaller difference would have had zero in its interval."""
        return (self.high - self.low) / 2


def seed_means(parts):
    """Mean over the parts of each seed's mean over the queries -> [S]."""
    return np.mean([part.values.mean(axis=1) for part in parts], axis=0)


def paired_difference(ours, others, samples=4000):
    """Two methods' parts, seed by seed and query by query -> Difference, ours less others'.

    Raises ValueError unless seeds, queries and triplets are the same."""
    parts = []
    for a, b in zip(ours, others, strict=True):
        if a.values.shape != b.values.shape or not np.array_equal(a.units, b.units):
            raise ValueError("not the same seeds and queries")
        parts.append(Hits(a.values - b.values, a.units))
    means = seed_means(parts)
    error, freedom = standard_error(means, draw_triplets(parts, samples))
    half = scipy.stats.t.ppf(0.975, freedom) * error  # each side of a 95 % interval
    return Difference(float(means.mean()), float(means.mean() - half), float(means.mean() + half))


def standard_error(means, drawn):
    """Standard error of the mean over the seeds -> (error, degrees of freedom).

    means: [S]. drawn: [samples, S], each seed's mean over drawn triplets."""
    seeds, of_triplets = len(means), drawn.mean(axis=1).var()
    if seeds == 1:
        return np.sqrt(of_triplets), np.inf
    # What drawing triplets changes in one seed and not in all is in both levels: counted once.
    apart = (drawn - drawn.mean(axis=1, keepdims=True)).var(axis=0).sum() / (seeds - 1)
    spread = means.var(ddof=1)
    variance = max(spread - apart, 0) / seeds + of_triplets
    freedom = (seeds - 1) * (variance * seeds / spread) ** 2 if spread else np.inf
    return np.sqrt(variance), max(freedom, seeds - 1)  # what is taken off can leave too few
