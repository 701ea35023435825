"""From a folder of features to ranks: what can be asked, what is there to find, what is missing."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import datasets
from command_line.errors import InputError
from evaluation.features import read_features
from evaluation.groundtruth import GroundTruth, groundtruth_path, keep_answerable, read_groundtruth
from evaluation.pairwise_scorer import scorer_for
from evaluation.ranking import rank_correct


class EvaluationSet(NamedTuple):
    """One subset under one protocol: the queries that can be asked and the images there are."""

    metadata: dict  # of the features; data_path: of the ground truth
    protocol: str
    queries: np.ndarray  # float32 [Q, D]
    gallery: np.ndarray  # float32 [N, D]
    truth: GroundTruth  # Q x N, rows and columns in the order of the features
    all_queries: int  # of the ground truth
    all_gallery: int
    scorer: Callable  # of these queries and gallery
    keep_reference: bool  # whether a query may find its own reference image

    @property
    def stem(self):
        """<dataset>[_<subset>]_<protocol>, in names of files."""
        parts = self.metadata["dataset"], self.metadata["subset"], self.protocol
        return "_".join(filter(None, parts))

    @property
    def taken_out(self):
        """[Q]: the column that is taken out of each query's gallery, -1 for none."""
        references = self.truth.references
        return np.full_like(references, -1) if self.keep_reference else references

    def rank(self, depth=0):
        """-> Ranking, with the `depth` images nearest to each query."""
        return rank_correct(
            self.queries, self.gallery, self.truth.correct, self.taken_out,
            scorer=self.scorer, depth=depth,
        )  # fmt: skip


def evaluation_sets(found, protocol="val", data_path="", keep_reference=False):
    """Yields an EvaluationSet for each folder and protocol; a folder is read once.

    found: as of find_features. protocol: a data set's, or "both". data_path: of the annotations
    and images, default the one extraction used.
    Raises InputError for features that were not made from these data."""
    for folder, metadata in found.items():
        known = datasets.protocols(dataset := metadata["dataset"])
        if protocol not in (*known, "both"):
            raise InputError(f"--protocol={protocol}: {dataset} has only {', '.join(known)}", 2)
        features = read_features(folder, metadata)
        metadata = {**metadata, "data_path": data_path or metadata["data_path"]}
        for each in known if protocol == "both" else (protocol,):
            yield match_groundtruth(folder, *features, metadata, each, keep_reference)


def match_groundtruth(folder, queries, gallery, keys, names, metadata, protocol, keep_reference):
    """Features in the ground truth's order, without what has no features -> EvaluationSet.

    queries to names: as of read_features."""
    source = metadata["data_path"], metadata["subset"], protocol
    truth = read_groundtruth(metadata["dataset"], *source)
    asked = [(i, key) for i, key in enumerate(keys) if key.protocol == protocol]
    if not asked:
        raise InputError(f"--protocol={protocol}: no such queries among the features; extract them")
    texts = dict(enumerate(zip(truth.query_references, truth.captions, strict=True)))
    row_of = {key.row: i for i, key in asked if texts.get(key.row) == (key.reference, key.caption)}
    column_of = {name: i for i, name in enumerate(names)}
    rows, kept = keep_answerable(truth, [row in row_of for row in texts], column_of)
    if not len(rows):
        raise InputError("no query of the ground truth has both features and a correct image")
    unknown, missing = len(asked) - len(row_of), metadata["missing_images"]
    if unknown or (truth.correct.shape != kept.correct.shape and not missing):
        raise InputError(
            f"{folder}: made from other data than {groundtruth_path(*source)}: {unknown} queries "
            f"unknown there, {len(truth.captions) - len(rows)} queries and "
            f"{len(truth.gallery) - len(kept.gallery)} gallery images without features, "
            f"{missing} images missing at extraction; make both again"
        )
    queries = _take(queries, [row_of[row] for row in rows])
    gallery = _take(gallery, [column_of[name] for name in kept.gallery])
    counts = len(truth.captions), len(truth.gallery)
    how = scorer_for(metadata.get("pairwise_scorer")), keep_reference
    return EvaluationSet(metadata, protocol, queries, gallery, kept, *counts, *how)


def _take(array, rows):
    """array[rows], without a copy when that is all of it."""
    return array if np.array_equal(rows, np.arange(len(array))) else array[rows]
