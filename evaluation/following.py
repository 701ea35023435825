"""Did the answers do what was asked? For data sets whose images have values in columns (products).

Of the first answers, the own reference left out: `changed`, the share that has the new value in the
asked column; `kept`, the mean over the other columns in which the reference has a value of the
share with that value; `both`, the share with the new value and all of those values. Beside these
what a random image gives, the reference image alone, and a perfect ranking by the values: images
with both first, then those with the new value, then the rest, each in gallery order.
"""

import numpy as np

import datasets
from command_line.errors import InputError
from evaluation.ranking import Scorer

FIRST = 10  # answers
FIGURES = ("changed", "kept", "both")
RANKINGS = ("answers", "image alone", "chance", "perfect")
MEAN = "mean"  # over the columns asked, so that the commonest does not speak for all


def following(evaluation_set):
    """{column: {ranking: {figure: percent}}} of the columns asked, and MEAN; {} for data without
    columns. kept is None where no query has anything to keep."""
    metadata, truth = evaluation_set.metadata, evaluation_set.truth
    read_values = datasets.READERS[metadata["dataset"]].read_values
    names, values = read_values(metadata["data_path"], truth.gallery) if read_values else ((), None)
    if not names:
        return {}
    asking = evaluation_set._replace(keep_reference=False)
    alone = asking._replace(queries=asking.gallery[truth.references], scorer=Scorer)
    answers = [each.rank(FIRST).nearest for each in (asking, alone)]
    targets = [truth.correct_of(i)[0] for i in range(len(truth.captions))]
    column = asked_column(values[truth.references], values[targets])
    if column is None:
        raise InputError(f"{metadata['data_path']}: the table is another than the features' and "
                         "the ground truth's; make both again")  # fmt: skip
    rows = zip(truth.references, column, targets, *answers, strict=True)
    return by_column(names, column, np.array([judge(values, *row) for row in rows]))


def asked_column(reference, target):
    """Values [Q, A] -> the one column in which each two differ [Q]; None where that is not one."""
    differ = reference != target
    return differ.argmax(1) if (differ.sum(1) == 1).all() else None


def judge(values, reference, column, target, *answers):
    """One query. values: [N, A] of the gallery, -1 for none; answers: gallery rows without the
    reference, of each ranking -> shares [RANKINGS, FIGURES]; kept is NaN with nothing to keep."""
    own, number = values[reference], np.arange(values.shape[1])
    kept = (own >= 0) & (number != column)
    changed, same = values[:, column] == values[target, column], values[:, kept] == own[kept]
    share = same.sum(1) / kept.sum() if kept.any() else np.full(len(values), np.nan)
    both = changed & same.all(1)
    others = np.delete(np.arange(len(values)), reference)
    perfect = others[np.argsort(2 - changed[others] - 1.0 * both[others], kind="stable")][:FIRST]
    figures = np.stack([changed, share, both], axis=1)
    return [figures[rows].mean(0) for rows in (*answers, others, perfect)]


def by_column(names, column, shares):
    """column: [Q]; shares: [Q, RANKINGS, FIGURES] -> as following."""
    asked = [number for number in range(len(names)) if (column == number).any()]
    means = [known_mean(shares[column == number]) for number in asked]
    return {
        name: {
            ranking: {f: None if np.isnan(x) else round(100 * float(x), 4)
                      for f, x in zip(FIGURES, row, strict=True)}
            for ranking, row in zip(RANKINGS, mean, strict=True)
        }
        for name, mean in zip([*(names[number] for number in asked), MEAN],
                              [*means, known_mean(np.array(means))], strict=True)
    }  # fmt: skip


def known_mean(rows):
    """[R, ...] -> mean over R of what is not NaN."""
    known = (~np.isnan(rows)).sum(0)
    return np.where(known > 0, np.nansum(rows, axis=0) / np.maximum(known, 1), np.nan)


def one_line(found):
    """following's result for the log."""
    parts = [
        f"{name} " + ", ".join(f"{ranking} {cell(row)}" for ranking, row in rankings.items())
        for name, rankings in found.items()
    ]
    return f"of the first {FIRST} {' / '.join(FIGURES)} in %: " + "; ".join(parts)


def cell(row):
    """12.3 / 45.6 / 7.8"""
    return " / ".join("-" if row[f] is None else f"{row[f]:.1f}" for f in FIGURES)
