"""Did the answers do what was asked? For data sets whose images have values in columns (products).

Of the first answers, the own reference left out: `changed`, the share that has the new value in the
asked column; `kept`, the mean over the other columns in which the reference has a value of the
share with that value; `both`, the share with the new value and all of those values.
"""

from typing import NamedTuple

import numpy as np

FIRST = 10  # answers
FIGURES = ("changed", "kept", "both")


class Asked(NamedTuple):
    """Q queries of a gallery of N images with A columns."""

    values: np.ndarray  # [N, A] int, -1 for none
    reference: np.ndarray  # [Q] gallery rows
    column: np.ndarray  # [Q] the asked one
    new: np.ndarray  # [Q] its new value

    @classmethod
    def of(cls, values, reference, target):
        """Queries by gallery rows [Q] of reference and target, which differ in one column."""
        column = np.argmax(values[reference] != values[target], axis=1)
        return cls(values, reference, column, values[target, column])


def following(asked, answers):
    """answers: for each query gallery rows [K], without the own reference -> float [Q, 3] as
    FIGURES; kept is NaN where the reference has no other value."""
    return np.array([[np.mean(f) for f in _judge(asked, i, own)] for i, own in enumerate(answers)])


def chance(asked):
    """What a random image of the gallery but the reference gives -> float [Q, 3]."""
    return following(asked, (_others(asked, i) for i in range(len(asked.reference))))


def perfect(asked, first=FIRST):
    """Answers [Q, K] of a ranking by the values: images with both first, then those with the new
    value, then the rest; each in gallery order."""
    answers = []
    for i in range(len(asked.reference)):
        rows = _others(asked, i)
        changed, _, both = _judge(asked, i, rows)
        tier = np.uint8(2) - changed - both
        answers.append(rows[np.argsort(tier, kind="stable")[:first]])
    return np.array(answers)


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


def _others(asked, i):
    return np.delete(np.arange(len(asked.values)), asked.reference[i])


def _judge(asked, i, rows):
    """Query i, gallery rows [K] -> changed, kept, both of each [K]."""
    own = asked.values[asked.reference[i]]
    kept = np.flatnonzero((own >= 0) & (np.arange(len(own)) != asked.column[i]))
    changed = asked.values[rows, asked.column[i]] == asked.new[i]
    hits = asked.values[rows][:, kept] == own[kept]
    share = hits.mean(1) if len(kept) else np.full(len(rows), np.nan)
    return changed, share, changed & hits.all(1)


def _mean(rows):
    """[R, 3] -> [3], of those that are numbers."""
    known = (~np.isnan(rows)).sum(0)
    return np.where(known > 0, np.nansum(rows, axis=0) / np.maximum(known, 1), np.nan)
