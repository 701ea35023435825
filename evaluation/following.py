"""Did the answers do what was asked? Of data sets whose images have values in columns (products).

Of the first answers, the own reference left out: `changed`, the share that has the new value in the
asked column; `kept`, the mean over the other columns in which the reference has a value of the
share with that value; `both`, the share with the new value and all of those values.
"""

from typing import NamedTuple

import numpy as np

FIRST = 10  # answers
FIGURES = ("changed", "kept", "both")
BLOCK = 2**21  # compared values at once


class Asked(NamedTuple):
    """Q queries of a gallery of N images."""

    values: np.ndarray  # [N, A] int, -1 for none
    reference: np.ndarray  # [Q] gallery rows
    column: np.ndarray  # [Q] the asked one
    new: np.ndarray  # [Q] its new value

    @classmethod
    def of(cls, values, reference, target):
        """Queries by gallery rows [Q] of reference and target, which differ in one column."""
        column = np.argmax(values[reference] != values[target], axis=1)
        return cls(values, reference, column, values[target, column])

    def blocks(self):
        """The same queries, some at a time."""
        rows = max(1, BLOCK // self.values.size)
        for i in range(0, len(self.reference), rows):
            yield Asked(self.values, *(own[i : i + rows] for own in self[1:]))


def following(asked, answers):
    """answers: gallery rows [Q, K], without the own reference -> float [Q, 3] as FIGURES; kept is
    NaN where the reference has no other value."""
    changed, kept, both = _judged(asked, asked.values[answers])
    return np.stack([changed.mean(1), kept.mean(1), both.mean(1)], axis=1)


def chance(asked):
    """What a random image of the gallery but the reference gives -> float [Q, 3]."""
    others = len(asked.values) - 1
    results = []
    for block in asked.blocks():
        judged = _judged(block, block.values[None])
        own = np.take_along_axis(np.stack(judged), block.reference[None, :, None], 2)
        results.append((np.stack(judged).sum(2) - own[..., 0]).T / others)
    return np.concatenate(results)


def perfect(asked, first=FIRST):
    """Answers [Q, K] of a ranking by the values: images with both first, then those with the new
    value, then the rest; each in gallery order."""
    answers = []
    for block in asked.blocks():
        changed, _, both = _judged(block, block.values[None])
        tier = (2 - changed - both).astype(np.uint8)  # both implies changed
        tier[np.arange(len(tier)), block.reference] = 3
        answers.append(np.argsort(tier, axis=1, kind="stable")[:, :first])
    return np.concatenate(answers)[:, : len(asked.values) - 1]


def by_column(asked, figures, names):
    """figures: [Q, 3] -> {column: {changed, kept, both}} of the queries that ask for it, and their
    mean over the columns asked under "mean"; in percent, None where there is nothing to keep."""
    columns = [number for number in range(len(names)) if (asked.column == number).any()]
    means = {names[number]: _mean(figures[asked.column == number]) for number in columns}
    means["mean"] = _mean(np.array(list(means.values())))
    return {
        name: {
            f: None if np.isnan(x) else 100 * float(x) for f, x in zip(FIGURES, row, strict=True)
        }
        for name, row in means.items()
    }


def _mean(rows):
    """[R, 3] -> [3], of those that are numbers."""
    known = (~np.isnan(rows)).sum(0)
    return np.where(known > 0, np.nansum(rows, axis=0) / np.maximum(known, 1), np.nan)


def _judged(asked, values):
    """values: [Q or 1, K, A] -> changed, kept, both of each, [Q, K]; kept may be NaN."""
    number = np.arange(len(asked.reference))
    own = asked.values[asked.reference]  # [Q, A]
    counts = own >= 0
    counts[number, asked.column] = False
    changed = np.zeros((len(own), values.shape[1]), bool)
    hits = np.zeros(changed.shape, np.int64)
    for column in range(own.shape[1]):
        cells = values[..., column]  # [Q or 1, K]
        changed |= (asked.column == column)[:, None] & (cells == asked.new[:, None])
        hits += counts[:, column, None] & (cells == own[:, column, None])
    wanted = counts.sum(1)[:, None]
    kept = np.where(wanted > 0, hits / np.maximum(wanted, 1), np.nan)
    return changed, kept, changed & (hits == wanted)
