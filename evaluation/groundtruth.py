"""Which gallery images are correct for each test query, as small sparse files beside the data."""

import json
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse

import datasets
from command_line.errors import InputError
from command_line.files import whole_file

UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


class GroundTruth(NamedTuple):
    """Q queries in released order against N gallery images sorted by name."""

    correct: scipy.sparse.csr_array  # bool [Q, N]
    references: np.ndarray  # int64 [Q], column of the query's reference; -1: it has no file
    query_references: list[str]  # [Q]
    captions: list[str]  # [Q]
    gallery: list[str]  # [N]

    def correct_of(self, i):
        """Columns of query i's correct images, ascending."""
        return self.correct.indices[self.correct.indptr[i] : self.correct.indptr[i + 1]]


def keep_answerable(truth, askable, there):
    """What is left of a ground truth where images are missing: the queries that can be asked and
    have a correct image, the gallery images that are there -> (rows int64 [q], GroundTruth).

    askable: bool [Q]. there: names of images."""
    kept = np.array([name in there for name in truth.gallery], bool)
    columns, new_column = np.flatnonzero(kept), np.where(kept, np.cumsum(kept) - 1, -1)
    correct = truth.correct[:, columns]
    rows = np.flatnonzero(np.array(askable, bool) & (np.diff(correct.indptr) > 0))
    return rows, GroundTruth(
        correct[rows],
        new_column[truth.references[rows]],
        [truth.query_references[i] for i in rows],
        [truth.captions[i] for i in rows],
        [truth.gallery[i] for i in columns],
    )


def build_groundtruth(dataset, data_path, subset="", protocol="val"):
    """Correct is the target; for Fashion200k every image with the target's caption."""
    queries, gallery = datasets.read_benchmark(dataset, data_path, subset, protocol)
    column = {name: i for i, name in enumerate(gallery)}
    columns = [sorted(column[name] for name in query.targets) for query in queries]
    row_ends = np.cumsum([0] + [len(row) for row in columns])
    indices = np.array([i for row in columns for i in row], np.int64)
    names, captions = [q.reference for q in queries], [q.caption for q in queries]
    references = np.array([column[name] for name in names], np.int64)
    correct = csr(indices, row_ends, queries, gallery)
    return GroundTruth(correct, references, names, captions, gallery)


def csr(indices, row_ends, queries, gallery):
    """-> bool [Q, N]"""
    values, shape = np.ones(len(indices), bool), (len(queries), len(gallery))
    return scipy.sparse.csr_array((values, indices, row_ends), shape=shape)


def groundtruth_path(data_path, subset="", protocol="val"):
    """<data_path>/groundtruth[_<subset>]_<protocol>.npz"""
    return Path(data_path, "_".join(filter(None, ("groundtruth", subset, protocol))) + ".npz")


def save_groundtruth(path, groundtruth):
    """An .npz without pickles; the file appears whole or not at all."""
    correct = groundtruth.correct
    texts = json.dumps([groundtruth.query_references, groundtruth.captions, groundtruth.gallery])
    with whole_file(path, "wb") as file:
        np.savez_compressed(
            file, indices=correct.indices.astype(np.int32),
            row_ends=correct.indptr.astype(np.int32), references=groundtruth.references,
            texts=np.frombuffer(texts.encode(), np.uint8),
        )  # fmt: skip


def is_same(a, b):
    same = a[2:] == b[2:] and np.array_equal(a.references, b.references)
    return same and (a.correct != b.correct).nnz == 0


def read_groundtruth(dataset, data_path, subset, protocol):
    """The ground truth beside the data; where there is none, the same is made, and said."""
    path = groundtruth_path(data_path, subset, protocol)
    if path.is_file():
        return load_groundtruth(path)
    datasets.require_data(dataset, data_path, images=False)
    truth = build_groundtruth(dataset, data_path, subset, protocol)
    print(f"{path}: not there; the ground truth is made in memory", flush=True)
    return truth


def load_groundtruth(path):
    """What save_groundtruth wrote -> GroundTruth; InputError for anything else."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names, captions, gallery = json.loads(arrays["texts"].tobytes())
            correct = csr(arrays["indices"], arrays["row_ends"], captions, gallery)
            references = arrays["references"]
        correct.check_format(full_check=True)
        if references.shape != (len(captions),) or references.dtype.kind != "i":
            raise ValueError(f"references: {references.dtype} {references.shape}, not one a query")
        if len(references) and not 0 <= references.min() <= references.max() < len(gallery):
            raise ValueError("references: columns out of range")
        if len(names) != len(captions):
            raise ValueError("not one reference name a caption")
        return GroundTruth(correct, references, names, captions, gallery)
    except UNREADABLE as error:
        raise InputError(f"{path}: not a ground truth, or cut short ({error})") from None
