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


def judge_all(evaluation_set):
    """-> (names of the columns, column asked [Q], shares [Q, RANKINGS, FIGURES]); None for data
    without columns."""
    metadata, truth = evaluation_set.metadata, evaluation_set.truth
    read_values = datasets.READERS[metadata["dataset"]].read_values
    names, values = read_values(metadata["data_path"], truth.gallery) if read_values else ((), None)
    if not names:
        return None
    targets = np.array([truth.correct_of(i)[0] for i in range(len(truth.captions))])
    differ = values[truth.references] != values[targets]
    if (differ.sum(1) != 1).any():
        raise InputError(f"{metadata['data_path']}: prepared anew since; extract and generate the "
                         "ground truth again")  # fmt: skip
    asking = evaluation_set._replace(keep_reference=False)
    alone = asking._replace(queries=asking.gallery[truth.references], scorer=Scorer)
    answers = [each.rank(FIRST).nearest for each in (asking, alone)]
    rows = zip(truth.references, targets, differ.argmax(1), *answers, strict=True)
    return names, differ.argmax(1), np.array([judge(values, *row) for row in rows])


def of_answers(names, column, shares):
    """judge_all's -> what it says of each query's answers, [{"column": the one asked, each of
    FIGURES: share}], kept None with nothing to keep."""
    answers = np.where(np.isnan(shares[:, 0]), None, shares[:, 0].round(4)).tolist()
    return [
        {"column": names[asked], **dict(zip(FIGURES, own, strict=True))}
        for asked, own in zip(column, answers, strict=True)
    ]


def judge(values, reference, target, column, *answers):
    """One query, whose target differs in `column`. values: [N, A] of the gallery, -1 for none;
    answers: gallery rows without the reference, of each ranking -> shares [RANKINGS, FIGURES]; kept
    is NaN with nothing to keep."""
    own = values[reference]
    kept = (own >= 0) & (np.arange(len(own)) != column)
    changed, same = values[:, column] == values[target, column], values[:, kept] == own[kept]
    share = same.sum(1) / kept.sum() if kept.any() else np.full(len(values), np.nan)
    both = changed & same.all(1)
    others = np.delete(np.arange(len(values)), reference)
    tier = np.uint8(2) - changed - both
    perfect = others[np.argsort(tier[others], kind="stable")][:FIRST]
    figures = np.stack([changed, share, both], axis=1)
    return [figures[rows].mean(0) for rows in (*answers, others, perfect)]


def by_column(names, column, shares):
    """judge_all's -> {column: {ranking: [percent of each of FIGURES]}} of the columns asked, and
    MEAN. None where no query has anything to keep."""
    shares = np.ma.masked_invalid(100 * shares)  # what is masked counts in no mean, and is None
    means = {n: shares[column == i].mean(0) for i, n in enumerate(names) if i in column}
    means[MEAN] = np.ma.stack(list(means.values())).mean(0)
    return {
        n: dict(zip(RANKINGS, mean.round(4).tolist(), strict=True)) for n, mean in means.items()
    }


def one_line(found):
    """by_column's result for people."""
    parts = []
    for name, rankings in found.items():
        cells = ("/".join("-" if x is None else f"{x:.1f}" for x in r) for r in rankings.values())
        named = zip(rankings, cells, strict=True)
        parts.append(f"{name} " + ", ".join(f"{ranking} {cell}" for ranking, cell in named))
    return f"first {FIRST} {'/'.join(FIGURES)} in %: {'; '.join(parts)}"
