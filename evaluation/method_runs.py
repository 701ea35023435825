"""Methods side by side: the rank files of a method's runs, one a seed (test_val.py --save_ranks),
and what they say about recall."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

import datasets
from command_line.errors import InputError
from evaluation.paired import paired_difference, seed_means
from evaluation.rank_files import read_ranks
from evaluation.recall import Hits


class Category(NamedTuple):
    """One subset's queries, or those of a data set without subsets."""

    ranks: np.ndarray  # float64 [S, Q] of each seed and query: 1 is best, inf never
    keys: list  # [Q] (reference, caption, targets)

    def hits(self, k):
        """Hits at k, in percent, and the triplet of each query."""
        numbers = {}  # of (reference, first target)
        triplets = [numbers.setdefault((key[0], key[2][0]), len(numbers)) for key in self.keys]
        return Hits(100.0 * (self.ranks <= k), np.array(triplets))


class MethodRuns(NamedTuple):
    name: str
    categories: dict[str, Category]  # by file name

    def hits(self, k):
        return [category.hits(k) for category in self.categories.values()]

    def recalls(self, k):
        """R@k of each seed, mean over the categories, in percent -> [S]."""
        return seed_means(self.hits(k))


def read_method_runs(name, folders, protocol="val"):
    """The rank files in one folder a seed -> MethodRuns.

    Raises InputError for a folder without any, and for seeds that were asked other queries."""
    runs = [read_folder(folder, protocol) for folder in folders]
    first = {file: keys for file, (_, keys) in runs[0].items()}
    for folder, run in zip(folders, runs, strict=True):
        if {file: keys for file, (_, keys) in run.items()} != first:
            raise InputError(f"{folder}: other queries than {folders[0]}")
    ranks = {file: np.stack([run[file][0] for run in runs]) for file in first}
    return MethodRuns(name, {file: Category(ranks[file], keys) for file, keys in first.items()})


def read_folder(folder, protocol):
    """{file name: (ranks, keys)}"""
    files = sorted(Path(folder).glob(f"ranks_*_{protocol}.jsonl"))
    if not files:
        raise InputError(
            f"{folder}: no ranks_*_{protocol}.jsonl; test_val.py --save_ranks={folder} writes them"
        )
    sets = {name for name in datasets.READERS for file in files if f"_{name}_" in file.name}
    if len(sets) > 1:
        raise InputError(f"{folder}: rank files of {' and '.join(sorted(sets))}; one set a folder")
    return {path.name: read_ranks(path) for path in files}


def recall_difference(ours, others, k):
    """R@k of one method less that of another -> evaluation.paired.Difference.

    Raises InputError unless both were asked the same queries by as many seeds."""
    for file in (*ours.categories, *others.categories):
        a, b = (method.categories.get(file, Category((), [])) for method in (ours, others))
        if a.keys != b.keys:
            raise InputError(f"{ours.name} and {others.name}: not the same queries ({file})")
        if len(a.ranks) != len(b.ranks):
            raise InputError(f"{ours.name} and {others.name}: not as many seeds")
    return paired_difference(ours.hits(k), others.hits(k))
