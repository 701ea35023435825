"""Features meet their ground truth: what can be asked, what is there to find, what is missing."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from command_line.errors import InputError
from evaluation.features import read_features
from evaluation.groundtruth import GroundTruth, groundtruth_path, keep_answerable, load_groundtruth
from evaluation.pairwise_scorer import scorer_for
from evaluation.ranking import Scorer


class EvaluationSet(NamedTuple):
    """One subset under one protocol: the queries that can be asked and the images there are."""

    queries: np.ndarray  # float32 [Q, D]
    gallery: np.ndarray  # float32 [N, D]
    truth: GroundTruth  # Q x N, rows and columns in the order of the features
    all_queries: int  # of the ground truth
    all_gallery: int
    missing_images: int  # reference or gallery images without features
    scorer: Callable = Scorer  # of these queries and gallery


def select(features, truth, protocol):
    """Features in the ground truth's order, without what has no features -> EvaluationSet."""
    row_of = feature_rows(features, truth, protocol)
    column_of = {name: i for i, name in enumerate(features.gallery_names)}
    askable = np.array([i in row_of for i in range(len(truth.captions))])
    missing = {truth.query_references[i] for i in np.flatnonzero(~askable)}
    missing.update(name for name in truth.gallery if name not in column_of)
    kept = keep_answerable(truth, askable, column_of)
    if not len(kept.queries):
        raise InputError("no query of the ground truth has both features and a correct image")
    return EvaluationSet(
        _take(features.queries, [row_of[i] for i in kept.queries]),
        _take(features.gallery, [column_of[name] for name in kept.truth.gallery]),
        kept.truth,
        len(truth.captions),
        len(truth.gallery),
        len(missing),
        scorer_for(features.about.get("pairwise_scorer")),
    )


def feature_rows(features, truth, protocol):
    """{row of the ground truth: row of the features}, of the queries whose text is the same."""
    asked = [(i, key) for i, key in enumerate(features.query_keys) if key.protocol == protocol]
    if not asked:
        raise InputError(f"--protocol={protocol}: no such queries among the features; extract them")
    texts = list(zip(truth.query_references, truth.captions, strict=True))
    if all(key.row is None for _, key in asked):  # of an earlier version: found by their text
        place = {key: i for i, key in enumerate(_numbered(texts))}
        keys = _numbered((key.reference, key.caption) for _, key in asked)
        rows = [place.get(key) for key in keys]
    else:
        known = [key.row in range(len(texts)) for _, key in asked]
        rows = [
            key.row if known and texts[key.row] == (key.reference, key.caption) else None
            for known, (_, key) in zip(known, asked, strict=True)
        ]
    return {row: i for row, (i, _) in zip(rows, asked, strict=True) if row is not None}


def _numbered(keys):
    """(reference, caption, n): the n-th query with these words; some triplets repeat a caption."""
    seen = Counter()
    result = []
    for key in keys:
        seen[key] += 1
        result.append((*key, seen[key]))
    return result


def _take(array, rows):
    """array[rows], without a copy when that is all of it."""
    return array if np.array_equal(rows, np.arange(len(array))) else array[rows]


def load_evaluation_set(folder, protocol, data_path=""):
    """Features of one folder with their ground truth -> (Features, EvaluationSet)."""
    features = read_features(folder)
    data_path = data_path or features.about["data_path"]
    path = groundtruth_path(data_path, features.about["subset"], protocol)
    if not path.is_file():
        dataset = features.about["dataset"]
        raise InputError(
            f"{path}: no ground truth; write it with "
            f"python generate_groundtruth.py --dataset={dataset} --data_path={data_path}"
        )
    truth = load_groundtruth(path)
    evaluation_set = select(features, truth, protocol)
    left_out = truth.correct.shape != evaluation_set.truth.correct.shape
    asked = sum(key.protocol == protocol for key in features.query_keys)
    unknown = asked - len(feature_rows(features, truth, protocol))
    if unknown or (left_out and not features.about.get("missing_images")):
        raise InputError(
            f"{folder}: made from other data than {path}: {unknown} queries unknown there, "
            f"{len(truth.captions) - len(evaluation_set.queries)} queries and "
            f"{len(truth.gallery) - len(evaluation_set.gallery)} gallery images without features, "
            f"{features.about.get('missing_images')} images missing at extraction; make both again"
        )
    return features, evaluation_set
