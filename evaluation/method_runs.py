"""Methods side by side: the rank files of a method's runs, one a seed (test_val.py --save_ranks),
and what they say about recall."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

import datasets
from command_line.errors import InputError
from evaluation.following import FIGURES
from evaluation.paired import paired_difference, seed_means
from evaluation.rank_files import read_ranks
from evaluation.recall import PUBLISHED_RECALLS, Hits, recall_name


class Category(NamedTuple):
    """One subset's queries, or those of a data set without subsets."""

    ranks: np.ndarray  # float64 [S, Q] of each seed and query: 1 is best, inf never
    keys: list  # [Q] (reference, caption, targets)
    shares: np.ndarray  # [S, Q, FIGURES], or empty
    columns: tuple  # [Q] asked, or empty

    def parts(self, measure):
        """Numbers of one measure in percent, and the triplet of each query: of recall at once, of
        FIGURES by the column asked."""
        numbers = {}  # of (reference, first target)
        triplets = [numbers.setdefault((key[0], key[2][0]), len(numbers)) for key in self.keys]
        triplets = np.array(triplets)
        if measure not in FIGURES:
            return [Hits(100.0 * (self.ranks <= int(measure.removeprefix("R@"))), triplets)]
        values, columns = 100 * self.shares[..., FIGURES.index(measure)], np.array(self.columns)
        asked = [(columns == column) & ~np.isnan(values[0]) for column in dict.fromkeys(columns)]
        return [Hits(values[:, rows], triplets[rows]) for rows in asked if rows.any()]


class MethodRuns(NamedTuple):
    name: str
    categories: dict[str, Category]  # by file name

    @property
    def measures(self):
        """Names of what can be asked of it."""
        followed = all(len(category.columns) for category in self.categories.values())
        return [*map(recall_name, PUBLISHED_RECALLS), *(FIGURES if followed else ())]

    def parts(self, measure):
        return [part for category in self.categories.values() for part in category.parts(measure)]

    def means(self, measure):
        """Of each seed, mean over the categories or columns, in percent -> [S]."""
        return seed_means(self.parts(measure))


def common_measures(methods):
    """What can be asked of all: rank files of before have no FIGURES."""
    return [name for name in methods[0].measures if all(name in m.measures for m in methods)]


def read_method_runs(name, folders, protocol="val"):
    """The rank files in one folder a seed -> MethodRuns.

    Raises InputError for a folder without any, and for seeds that were asked other queries."""
    runs = [read_folder(folder, protocol) for folder in folders]
    first = {file: found[1] for file, found in runs[0].items()}
    for folder, run in zip(folders, runs, strict=True):
        if {file: found[1] for file, found in run.items()} != first:
            raise InputError(f"{folder}: other queries than {folders[0]}")
    categories = {}
    for file, keys in first.items():
        ranks, _, shares, columns = zip(*(run[file] for run in runs), strict=True)
        followed = all(columns)
        categories[file] = Category(
            np.stack(ranks), keys, np.stack(shares) if followed else np.array([]),
            columns[0] if followed else (),
        )  # fmt: skip
    return MethodRuns(name, categories)


def read_folder(folder, protocol):
    """{file name: as of read_ranks}"""
    files = sorted(Path(folder).glob(f"ranks_*_{protocol}.jsonl"))
    if not files:
        raise InputError(
            f"{folder}: no ranks_*_{protocol}.jsonl; test_val.py --save_ranks={folder} writes them"
        )
    sets = {name for name in datasets.READERS for file in files if f"_{name}_" in file.name}
    if len(sets) > 1:
        raise InputError(f"{folder}: rank files of {' and '.join(sorted(sets))}; one set a folder")
    return {path.name: read_ranks(path) for path in files}


def difference(ours, others, measure):
    """One method's less that of another -> evaluation.paired.Difference.

    Raises InputError unless both were asked the same queries by as many seeds."""
    for file in (*ours.categories, *others.categories):
        nothing = Category((), [], (), ())
        a, b = (method.categories.get(file, nothing) for method in (ours, others))
        if a.keys != b.keys:
            raise InputError(f"{ours.name} and {others.name}: not the same queries ({file})")
        if len(a.ranks) != len(b.ranks):
            raise InputError(f"{ours.name} and {others.name}: not as many seeds")
    return paired_difference(ours.parts(measure), others.parts(measure))
