"""Systems side by side: the rank files of a composition's runs, one a seed (test_val.py
--save_ranks), and what they say about recall."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

import datasets
from command_line.errors import InputError
from evaluation.paired import Part, paired_difference, seed_means
from evaluation.rank_files import read_ranks


class Category(NamedTuple):
    """One subset's queries, or those of a data set without subsets."""

    ranks: np.ndarray  # float64 [S, Q] of each seed and query: 1 is best, inf never
    keys: list  # [Q] (reference, caption, targets)


class System(NamedTuple):
    name: str
    categories: dict[str, Category]  # by file name

    def parts(self, k):
        """Hits at k, in percent, and the triplet of each query."""
        return [Part(100.0 * (c.ranks <= k), triplets(c.keys)) for c in self.categories.values()]

    def recalls(self, k):
        """R@k of each seed, mean over the categories, in percent -> [S]."""
        return seed_means(self.parts(k))


def triplets(keys):
    """[Q]: the same number for the captions of one reference and target."""
    numbers = {}
    return np.array([numbers.setdefault((k[0], k[2][0]), len(numbers)) for k in keys])


def read_system(name, folders, protocol="val"):
    """The rank files in one folder a seed -> System.

    Raises InputError for a folder without any, and for seeds that were asked other queries."""
    runs = [read_folder(folder, protocol) for folder in folders]
    categories = {}
    for file, (_, keys) in runs[0].items():
        for folder, run in zip(folders, runs, strict=True):
            if set(run) != set(runs[0]) or run[file][1] != keys:
                raise InputError(f"{folder}: other queries than {folders[0]}")
        categories[file] = Category(np.stack([run[file][0] for run in runs]), keys)
    return System(name, categories)


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
    """R@k of one System less that of another -> evaluation.paired.Difference.

    Raises InputError unless both were asked the same queries by as many seeds."""
    for a, b in ((ours, others), (others, ours)):
        for file, category in a.categories.items():
            other = b.categories.get(file)
            if other is None or category.keys != other.keys:
                raise InputError(f"{a.name} and {b.name}: not the same queries ({file})")
            if len(category.ranks) != len(other.ranks):
                raise InputError(f"{a.name} and {b.name}: not as many seeds")
    return paired_difference(ours.parts(k), others.parts(k))
