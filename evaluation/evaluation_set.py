"""Features meet their ground truth: what can be asked, what is there to find, what is missing."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from command_line.errors import InputError
from evaluation.features import read_features
from evaluation.groundtruth import GroundTruth, groundtruth_path, load_groundtruth


class EvaluationSet(NamedTuple):
    """One subset under one protocol: the queries that can be asked and the images there are."""

    queries: np.ndarray  # float32 [Q, D]
    gallery: np.ndarray  # float32 [N, D]
    truth: GroundTruth  # Q x N, rows and columns in the order of the features
    all_queries: int  # of the ground truth
    all_gallery: int
    missing_images: int  # reference or gallery images without features


def select(features, truth, protocol):
    """Features in the ground truth's order, without what has no features -> EvaluationSet."""
    keys = [(i, key[1:]) for i, key in enumerate(features.query_keys) if key[0] == protocol]
    row_of = dict(zip(_numbered(key for _, key in keys), (i for i, _ in keys), strict=True))
    if not row_of:
        raise InputError(f"--protocol={protocol}: no such queries among the features; extract them")
    asked = _numbered(zip(truth.query_references, truth.captions, strict=True))
    column_of = {name: i for i, name in enumerate(features.gallery_names)}
    columns = np.array([i for i, name in enumerate(truth.gallery) if name in column_of], np.int64)
    new_column = np.full(len(truth.gallery) + 1, -1)  # its last entry serves reference -1
    new_column[columns] = np.arange(len(columns))
    correct = truth.correct[:, columns]
    has_target = np.diff(correct.indptr) > 0
    rows = np.array([i for i, key in enumerate(asked) if key in row_of and has_target[i]], np.int64)
    missing = {asked[i][0] for i in range(len(asked)) if asked[i] not in row_of}
    missing.update(name for name in truth.gallery if name not in column_of)
    if not len(rows):
        raise InputError("no query of the ground truth has both features and a correct image")
    kept = GroundTruth(
        correct[rows],
        new_column[truth.references[rows]],
        [truth.query_references[i] for i in rows],
        [truth.captions[i] for i in rows],
        [truth.gallery[i] for i in columns],
    )
    return EvaluationSet(
        _take(features.queries, [row_of[asked[i]] for i in rows]),
        _take(features.gallery, [column_of[name] for name in kept.gallery]),
        kept,
        len(asked),
        len(truth.gallery),
        len(missing),
    )


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
    unknown = {key[1:] for key in features.query_keys if key[0] == protocol}.difference(
        zip(truth.query_references, truth.captions, strict=True)
    )
    if unknown or (left_out and not features.about.get("missing_images")):
        raise InputError(
            f"{folder}: made from other data than {path}: {len(unknown)} queries unknown there, "
            f"{len(truth.captions) - len(evaluation_set.queries)} queries and "
            f"{len(truth.gallery) - len(evaluation_set.gallery)} gallery images without features, "
            f"{features.about.get('missing_images')} images missing at extraction; make both again"
        )
    return features, evaluation_set
